package import SIPMessage

/// Names a server transaction for as long as the process runs; never reused.
package struct ServerTransactionID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Names a client transaction for as long as the process runs; never reused.
package struct ClientTransactionID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// What the transaction layer asks of the transport, and tells the transaction user.
package enum TransactionEffect: Sendable, Equatable {
    /// Send these bytes: one datagram, or one message on a stream.
    case transmit([UInt8], SIPFlow)
    /// A new request, its top Via completed with `received` and `rport`. Never ACK, never CANCEL.
    case request(ServerTransactionID, SIPRequest, SIPFlow)
    /// An ACK to a 2xx, for the dialog that it matches. It may come more than once.
    case ack(SIPRequest, SIPFlow)
    /// The caller of this INVITE has given up: its CANCEL came (the layer has answered it with 200), or its flow has
    /// failed and it cannot be reached over a new connection either. The transaction user answers the INVITE with 487. At
    /// most once per transaction, never after a final response.
    case cancelled(ServerTransactionID)
    /// A provisional or final response; for INVITE every 2xx, also repeated ones and those of other forks.
    case response(ClientTransactionID, SIPResponse, SIPFlow)
    /// No final response will come. Never after one has been delivered.
    case failed(ClientTransactionID, TransactionFailure)
    /// The 2xx to that INVITE was repeated for 64 * T1 without `acknowledge(_:)`: end the session (13.3.1.4).
    case ackMissing(ServerTransactionID)
    /// Something was refused or ignored; for the counters.
    case dropped(TransactionDrop)
}

package enum TransactionFailure: Sendable, Equatable {
    /// Timer B or F, or no final response within 64 * T1 of a CANCEL; treat as 408 (8.1.3.1).
    case timedOut
    /// The flow failed or the request could not be taken; treat as 503 (8.1.3.1).
    case transportFailed
}

/// Why a message had no effect beyond, perhaps, a stateless answer.
package enum TransactionDrop: String, Sendable, Hashable, CaseIterable {
    /// A request or response that lacks what a transaction needs; requests got 400 if they could be answered.
    case malformed
    /// A response without a client transaction.
    case strayResponse
    /// An ACK where none is due.
    case strayAck
    /// A CANCEL without an INVITE; answered 481.
    case strayCancel
    /// A limit is reached and nothing could give way; requests got 503.
    case overloaded
    /// A response whose top Via does not name us (18.1.2).
    case wrongHost
    /// Max-Forwards 0; answered 483.
    case tooManyHops
    /// The same request by another path (8.2.2.2); answered 482.
    case merged
    /// A request of our own that came back unchanged (16.3); answered 482.
    case looped
}
