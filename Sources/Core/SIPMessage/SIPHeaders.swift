/// The header fields of a message in their order of appearance, values unparsed.
///
/// Names compare without regard to case, and compact forms (RFC 3261 section 7.3.3) have been expanded by the parser. A
/// field that came over the wire is a slice of what was received, and is sent on as those bytes.
package struct SIPHeaders: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: SIPHeaderName
        /// The value without the white space around it, folded lines joined; UTF-8 when it came from the parser.
        package var bytes: ArraySlice<UInt8>

        package init(_ name: SIPHeaderName, _ value: String) {
            self.name = name
            bytes = Array(value.utf8)[...]
        }

        package init(_ name: SIPHeaderName, bytes: ArraySlice<UInt8>) {
            self.name = name
            self.bytes = bytes
        }

        /// The value as text; each reading makes it anew.
        package var value: String {
            get { bytes.text }
            set { bytes = Array(newValue.utf8)[...] }
        }
    }

    package private(set) var fields: [Field]

    package init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// The value of the first field of that name.
    package subscript(name: SIPHeaderName) -> String? { bytes(of: name)?.text }

    /// The value of the first field of that name, as it stands in the message.
    package func bytes(of name: SIPHeaderName) -> ArraySlice<UInt8>? {
        index(of: name, from: 0).map { fields[$0].bytes }
    }

    /// The values of all fields of that name, one entry per field (comma lists are not split here).
    package func all(_ name: SIPHeaderName) -> [String] {
        var values: [String] = []
        for field in fields where field.name == name { values.append(field.value) }
        return values
    }

    package func contains(_ name: SIPHeaderName) -> Bool {
        index(of: name, from: 0) != nil
    }

    package mutating func append(_ name: SIPHeaderName, _ value: String) { fields.append(Field(name, value)) }

    /// Appends a field as it is: how one message takes over the bytes of another.
    package mutating func append(_ field: Field) { fields.append(field) }

    package mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }

    /// Puts a field before all others of its name (Via, Route, Record-Route grow at the top).
    package mutating func prepend(_ name: SIPHeaderName, _ value: String) {
        let position = index(of: name, from: 0) ?? 0
        fields.insert(Field(name, value), at: position)
    }

    /// Replaces every field of that name by one, at the place of the first.
    package mutating func set(_ name: SIPHeaderName, _ value: String) {
        guard let position = index(of: name, from: 0) else {
            append(name, value)
            return
        }
        fields[position].value = value
        var index = fields.count - 1
        while index > position {
            if fields[index].name == name { fields.remove(at: index) }
            index -= 1
        }
    }

    /// Replaces the value of the first field of that name; the others stay. Without effect when there is none.
    package mutating func replaceFirst(_ name: SIPHeaderName, bytes: ArraySlice<UInt8>) {
        guard let position = index(of: name, from: 0) else { return }
        fields[position].bytes = bytes
    }

    /// Where the next field of that name stands, at or after `start`. Looks at names alone and copies nothing.
    func index(of name: SIPHeaderName, from start: Int) -> Int? {
        fields.withUnsafeBufferPointer { fields in
            for index in start..<max(start, fields.count) where fields[index].name == name { return index }
            return nil
        }
    }

    /// Shows the values of all fields of that name, in order.
    @inline(__always)
    func forEach<Failure: Error>(
        _ name: SIPHeaderName, _ body: (ByteView) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while let index = index(of: name, from: start) {
            try fields[index].bytes.withView(body)
            start = index + 1
        }
    }

    package mutating func remove(_ name: SIPHeaderName) { fields.removeAll { $0.name == name } }
}

extension SIPHeaders.Field: CustomStringConvertible {
    /// As it goes on the wire, for tests and traces: it may hold credentials.
    package var description: String { "\(name): \(value)" }
}
