/// Why a body or a message of the cloud protocols cannot be read or written.
package enum CloudWireError: Error, Sendable, Hashable {
    case bodyTooLarge(what: String, bytes: Int, limit: Int)
    case malformed(what: String, reason: String)
    /// A message lacks a field that its flow's protocol needs.
    case missingField(flow: String, field: String)
    /// The flow has no HTTP request of its own (for example because it is carried by the uplink).
    case notAnHTTPFlow(String)
}

extension CloudWireError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .bodyTooLarge(let what, let bytes, let limit):
            "\(what) has \(bytes) bytes, limit \(limit); send less at once"
        case .malformed(let what, let reason): "\(what) is not as docs/protocols describes it: \(reason)"
        case .missingField(let flow, let field):
            "a message of \(flow) has no field '\(field)'; add it where the core makes the message"
        case .notAnHTTPFlow(let flow):
            "\(flow) has no HTTP request of the appliance; it travels on the uplink, or not at all"
        }
    }
}
