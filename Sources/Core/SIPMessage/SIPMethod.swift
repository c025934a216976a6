/// A request method (RFC 3261 section 7.1); case-sensitive, unknown ones are kept.
///
/// Those in the list of constants are numbers and compare as such.
package struct SIPMethod: RawRepresentable, Sendable {
    @usableFromInline let known: Known
    /// Empty for a known method.
    private let other: String

    @usableFromInline enum Known: String, Sendable {
        case other = ""
        case invite = "INVITE"
        case ack = "ACK"
        case bye = "BYE"
        case cancel = "CANCEL"
        case options = "OPTIONS"
        case register = "REGISTER"
        case info = "INFO"
        case update = "UPDATE"
        case prack = "PRACK"
        case refer = "REFER"
        case notify = "NOTIFY"
        case subscribe = "SUBSCRIBE"
        case publish = "PUBLISH"
        case message = "MESSAGE"
    }

    package init(rawValue: String) {
        self = Array(rawValue.utf8).withView(SIPMethod.init(view:))
    }

    init(view: ByteView) {
        known = Self.find(view)
        other = known == .other ? view.text : ""
    }

    private static func find(_ text: ByteView) -> Known {
        switch text.first {
        case UInt8(ascii: "A") where text.equals("ACK"): .ack
        case UInt8(ascii: "B") where text.equals("BYE"): .bye
        case UInt8(ascii: "C") where text.equals("CANCEL"): .cancel
        case UInt8(ascii: "I") where text.equals("INVITE"): .invite
        case UInt8(ascii: "I") where text.equals("INFO"): .info
        case UInt8(ascii: "M") where text.equals("MESSAGE"): .message
        case UInt8(ascii: "N") where text.equals("NOTIFY"): .notify
        case UInt8(ascii: "O") where text.equals("OPTIONS"): .options
        case UInt8(ascii: "P") where text.equals("PRACK"): .prack
        case UInt8(ascii: "P") where text.equals("PUBLISH"): .publish
        case UInt8(ascii: "R") where text.equals("REGISTER"): .register
        case UInt8(ascii: "R") where text.equals("REFER"): .refer
        case UInt8(ascii: "S") where text.equals("SUBSCRIBE"): .subscribe
        case UInt8(ascii: "U") where text.equals("UPDATE"): .update
        default: .other
        }
    }

    @usableFromInline init(_ known: Known) {
        self.known = known
        other = ""
    }

    package var rawValue: String { known == .other ? other : known.rawValue }

    package static var invite: SIPMethod { SIPMethod(.invite) }
    package static var ack: SIPMethod { SIPMethod(.ack) }
    package static var bye: SIPMethod { SIPMethod(.bye) }
    package static var cancel: SIPMethod { SIPMethod(.cancel) }
    package static var options: SIPMethod { SIPMethod(.options) }
    package static var register: SIPMethod { SIPMethod(.register) }
    package static var info: SIPMethod { SIPMethod(.info) }
    package static var update: SIPMethod { SIPMethod(.update) }
    package static var prack: SIPMethod { SIPMethod(.prack) }
    package static var refer: SIPMethod { SIPMethod(.refer) }
    package static var notify: SIPMethod { SIPMethod(.notify) }
    package static var subscribe: SIPMethod { SIPMethod(.subscribe) }
    package static var publish: SIPMethod { SIPMethod(.publish) }
    package static var message: SIPMethod { SIPMethod(.message) }
}

extension SIPMethod: Hashable, CustomStringConvertible {
    package static func == (left: Self, right: Self) -> Bool {
        left.known == right.known && (left.known != .other || left.other == right.other)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(known)
        if known == .other { hasher.combine(other) }
    }

    package var description: String { rawValue }
}
