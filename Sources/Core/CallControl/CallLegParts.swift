import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// What a leg keeps of single messages.
extension CallLeg {
    /// An INVITE answered with 2xx whose ACK has not come.
    struct UnacknowledgedInvite: Sendable, Equatable {
        let server: ServerTransactionID
        let cseq: UInt32
    }

    /// An ACK that goes out again with each repetition of the 2xx.
    struct SentAck: Sendable {
        let client: ClientTransactionID
        let request: SIPRequest
    }

    /// A session description ahead of the 2xx.
    struct EarlyAnswer: Sendable {
        let dialog: DialogID
        let body: [UInt8]
    }

    /// A final refusal by a callee.
    struct Refusal: Sendable, Equatable {
        let status: Int
        let reasons: [ReasonValue]
    }

    /// A request of ours inside the dialog.
    struct SentRequest: Sendable {
        enum Purpose: Sendable, Equatable {
            /// OPTIONS: does the peer still live?
            case probe
            case prack
            /// An INVITE or UPDATE with an offer.
            case offer
            /// An UPDATE without description, or a re-INVITE that repeats ours: the session goes on (RFC 4028).
            case refresh
            /// Whatever came of it changes nothing: INFO, the BYE of a surplus fork.
            case notice
        }
        let client: ClientTransactionID
        let request: SIPRequest
        let purpose: Purpose

        /// An INVITE or UPDATE, of which one is sent after the other.
        var changesSession: Bool { purpose == .offer || purpose == .refresh }
    }

    /// How many ACKs are kept: that of the first INVITE, and of the re-INVITEs whose 2xx may still be repeated.
    static let sentAckLimit = 4
    /// How many requests inside the dialog may wait for their answers before what would make more is let go: keys that
    /// are passed on, provisional responses that want a PRACK.
    static let requestLimit = 32
    /// How often an INVITE is sent anew because the answer asked for it.
    static let retryLimit = 5
}

/// What a peer said of itself in Allow; until it did, only what RFC 3261 demands.
struct PeerCapabilities: Sendable, Equatable {
    private(set) var allowsUpdate = false
    private(set) var allowsInfo = false
    /// It has sent keys by INFO, and so has no better way.
    private(set) var sendsKeys = false

    /// Takes in a message of the peer; one without Allow says nothing new.
    mutating func note(_ message: some SIPFields) {
        guard message.headers.contains(.allow) else { return }
        let methods = message.tokens(.allow)
        allowsUpdate = methods.contains("UPDATE")
        allowsInfo = methods.contains("INFO")
    }

    mutating func sentKey() { sendsKeys = true }

    /// The peer answered an UPDATE with 405 or 501 although it had allowed it.
    mutating func refusedUpdate() { allowsUpdate = false }
}
