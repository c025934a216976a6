package import SIPMessage

/// Why a message could not make or join a dialog.
package enum DialogError: Error, Sendable, Equatable {
    /// A header field that the dialog needs is not there: To or From tag, Contact.
    case missing(String, in: String)
    case unreadable(SIPParseError)
    /// The CSeq number is lower than one that came before (RFC 3261 section 12.2.2).
    case outOfOrder(received: UInt32, last: UInt32)
    /// Call-ID or tags are those of another dialog.
    case otherDialog
    /// The status neither makes nor changes a dialog.
    case unsuitableStatus(Int)

    /// What to answer when the message was a request (RFC 3261 sections 12.2.2, 8.2).
    package var status: Int {
        switch self {
        case .missing, .unreadable, .unsuitableStatus: 400
        case .outOfOrder: 500
        case .otherDialog: 481
        }
    }
}

extension DialogError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let field, let message):
            "\(message) has no \(field), which a dialog needs; see whether a proxy on the way removes it"
        case .unreadable(let cause):
            "dialog header field cannot be read: \(cause)"
        case .outOfOrder(let received, let last):
            "request has CSeq \(received) after \(last); the peer must count up, or two requests overtook"
        case .otherDialog:
            "request belongs to another dialog; answer 481"
        case .unsuitableStatus(let status):
            "response \(status) makes no dialog; only 101-299 with a To tag do"
        }
    }
}
