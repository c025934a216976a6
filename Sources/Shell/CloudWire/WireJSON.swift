import FoundationEssentials

/// JSON as all cloud protocols write it: sorted keys, no white space, slashes unescaped; so that equal values are equal bytes.
package enum WireJSON {
    package static func encode(_ value: some Encodable, what: String) throws(CloudWireError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            throw .malformed(what: what, reason: "cannot be written as JSON (\(error))")
        }
    }

    /// Unknown keys are ignored, so that a newer peer can add some.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], limit: Int, what: String
    ) throws(CloudWireError) -> Value {
        guard bytes.count <= limit else { throw .bodyTooLarge(what: what, bytes: bytes.count, limit: limit) }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw .malformed(what: what, reason: reason(error))
        } catch {
            throw .malformed(what: what, reason: "not JSON")
        }
    }

    /// Names the key at fault, never a value: bodies can hold secrets.
    private static func reason(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, let context):
            "key '\(path(context).isEmpty ? "" : path(context) + ".")\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "key '\(path(context))' has another type"
        case .dataCorrupted(let context): path(context).isEmpty ? "not JSON" : "key '\(path(context))' is not valid"
        @unknown default: "not JSON"
        }
    }
}
