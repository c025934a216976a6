package import CloudMessages
package import Primitives

/// Correlates an outbound message with the answer that comes back as an input.
package struct CloudRequestID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Everything that can leave the appliance towards a vendor server: a flow, who gets it, and named fields.
///
/// The shell turns it into HTTP (docs/protocols); a field that is not in the message cannot reach the wire.
package struct OutboundMessage: Sendable, Equatable {
    package var id: CloudRequestID
    package var flow: FlowID
    package var recipient: Recipient
    /// In the order in which they are written; names are unique.
    package var fields: [OutboundField]

    package init(id: CloudRequestID, flow: FlowID, recipient: Recipient, fields: [OutboundField]) {
        self.id = id
        self.flow = flow
        self.recipient = recipient
        self.fields = fields
    }

    package subscript(name: FieldName) -> OutboundValue? { fields.first { $0.name == name }?.value }
}

package struct OutboundField: Sendable, Equatable {
    package var name: FieldName
    package var value: OutboundValue
    package init(_ name: FieldName, _ value: OutboundValue) {
        self.name = name
        self.value = value
    }
}

package enum OutboundValue: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case time(UnixTime)
    case secret(Secret)
    case bytes([UInt8])
    case metrics([MetricPoint])
    case callRecord(CallRecord)
    /// A file prepared by a job, streamed by the shell; the name is the job's artifact.
    case artifact(name: String, sizeBytes: Int64)
    /// An update bundle to be fetched: its version and board make the path, the rest judges what comes (F-S2).
    case bundle(UpdateManifest)
    /// Implied by the connection itself (source address, TLS client certificate): declared, never written in a body.
    case implied
}

/// How an outbound message ended.
package enum CloudReply: Sendable, Equatable {
    /// 2xx without content that the core reads.
    case accepted
    case serviceStatus(BackupServiceStatus)
    case backups([BackupEntry])
    /// The update server's manifest, and why its signature is not the vendor's; nil: it is.
    case update(UpdateManifest, forgery: String?)
    /// The server answered and refused; `retryAfter` from the header, if any.
    case refused(status: Int, detail: String, retryAfter: Duration?)
    /// No answer: connection, TLS or time-out. The text says which, for the administrator.
    case unreachable(String)
}
