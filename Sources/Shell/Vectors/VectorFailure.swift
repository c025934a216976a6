/// Why an operation has no result.
package enum VectorFailure: Error, Sendable, Hashable {
    /// The line asks for nothing that could be carried out: no JSON object, a field missing or of another type.
    case malformed(String)
    /// The product refuses the input, as the vector may want: a wrong tag, a message that is no SIP.
    case refused
    /// The product does not have the operation, or not with these parameters.
    case unsupported
}

extension VectorFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let reason): reason
        case .refused: "the product refuses this input"
        case .unsupported: "the product does not have this operation"
        }
    }

    /// The answer line's content.
    var answer: JSONValue {
        switch self {
        case .malformed(let reason): .object(["ok": .bool(false), "error": .text(reason)])
        case .refused: .object(["ok": .bool(false)])
        case .unsupported: .object(["unsupported": .bool(true)])
        }
    }
}

/// Bounds on what a line can make us hold; each is reached by a test.
package struct VectorLimits: Sendable, Hashable {
    /// One line of input.
    package var lineBytes = 16 * 1024 * 1024
    /// What Opus packets of a few bytes can unfold to: 16-bit samples of all channels.
    package var pcmBytes = 64 * 1024 * 1024

    package init() {}
}
