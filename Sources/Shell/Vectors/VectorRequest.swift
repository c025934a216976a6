import Primitives

/// The fields of one line; what is missing or of another type is named in the error. `null` counts as missing.
struct VectorRequest {
    let operation: String
    private let fields: [String: JSONValue]

    init(_ line: [UInt8]) throws(VectorFailure) {
        guard let value = JSONValue.parse(line), let fields = value.object else {
            throw .malformed("the line is not a JSON object; write one object per line")
        }
        guard let operation = fields["op"]?.text else {
            throw .malformed("the field 'op' is missing; it names the operation")
        }
        self.operation = operation
        self.fields = fields.filter { $0.value != .null }
    }

    /// The bytes of a hexadecimal field.
    func bytes(_ name: String) throws(VectorFailure) -> [UInt8] {
        guard let text = try optionalText(name) else { throw missing(name) }
        guard let bytes = Hex.decode(text) else { throw .malformed("the field '\(name)' is not hexadecimal") }
        return bytes
    }

    /// The same; empty when the field is missing.
    func optionalBytes(_ name: String) throws(VectorFailure) -> [UInt8] {
        fields[name] == nil ? [] : try bytes(name)
    }

    func text(_ name: String) throws(VectorFailure) -> String {
        guard let text = try optionalText(name) else { throw missing(name) }
        return text
    }

    func optionalText(_ name: String) throws(VectorFailure) -> String? {
        guard let value = fields[name] else { return nil }
        guard let text = value.text else { throw .malformed("the field '\(name)' is not text") }
        return text
    }

    func integer(_ name: String, or absent: Int? = nil) throws(VectorFailure) -> Int {
        guard let value = fields[name] else {
            if let absent { return absent }
            throw missing(name)
        }
        guard let number = value.integer else { throw .malformed("the field '\(name)' is not a whole number") }
        return number
    }

    /// Text, or a whole number.
    func textOrInteger(_ name: String) throws(VectorFailure) -> (text: String?, integer: Int?) {
        guard let value = fields[name] else { return (nil, nil) }
        guard value.text != nil || value.integer != nil else {
            throw .malformed("the field '\(name)' is neither text nor a whole number")
        }
        return (value.text, value.integer)
    }

    /// A list of hexadecimal texts.
    func bytesList(_ name: String) throws(VectorFailure) -> [[UInt8]] {
        guard let values = fields[name] else { throw missing(name) }
        guard let list = values.list else { throw .malformed("the field '\(name)' is not a list") }
        var result: [[UInt8]] = []
        result.reserveCapacity(list.count)
        for value in list {
            guard let text = value.text, let bytes = Hex.decode(text) else {
                throw .malformed("the field '\(name)' holds something that is not hexadecimal")
            }
            result.append(bytes)
        }
        return result
    }

    private func missing(_ name: String) -> VectorFailure { .malformed("the field '\(name)' is missing") }
}
