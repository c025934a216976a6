/// A request method (RFC 3261 section 7.1); case-sensitive, unknown ones are kept.
package struct SIPMethod: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package static let invite = SIPMethod(rawValue: "INVITE")
    package static let ack = SIPMethod(rawValue: "ACK")
    package static let bye = SIPMethod(rawValue: "BYE")
    package static let cancel = SIPMethod(rawValue: "CANCEL")
    package static let options = SIPMethod(rawValue: "OPTIONS")
    package static let register = SIPMethod(rawValue: "REGISTER")
    package static let info = SIPMethod(rawValue: "INFO")
    package static let update = SIPMethod(rawValue: "UPDATE")
    package static let prack = SIPMethod(rawValue: "PRACK")
    package static let refer = SIPMethod(rawValue: "REFER")
    package static let notify = SIPMethod(rawValue: "NOTIFY")
    package static let subscribe = SIPMethod(rawValue: "SUBSCRIBE")
    package static let message = SIPMethod(rawValue: "MESSAGE")

    package var description: String { rawValue }
}
