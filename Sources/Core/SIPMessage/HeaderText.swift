/// Readers of header values that messages and `RequestFields` share.
enum HeaderText {
    /// Not empty, without white space.
    static func callID(_ value: ByteView) throws(SIPParseError) -> String {
        guard !value.isEmpty, value.allSatisfy({ $0 > 0x20 }) else {
            throw .malformedHeader(.callID, reason: "it is empty or holds white space")
        }
        return value.text
    }

    static func maxForwards(_ value: ByteView) throws(SIPParseError) -> Int {
        guard let number = FieldScanner.wholeNumber(value, limit: 255), number <= 255 else {
            throw .malformedHeader(.maxForwards, reason: "it is not 0 to 255")
        }
        return Int(number)
    }

    static func contacts(_ headers: SIPHeaders) throws(SIPParseError) -> ContactSet {
        if let value = headers.bytes(of: .contact), value.count == 1, value.first == UInt8(ascii: "*"),
            headers.all(.contact).count == 1
        {
            return .wildcard
        }
        return .list(try addresses(headers, .contact))
    }

    /// All elements of all fields of that name, in order.
    static func addresses(
        _ headers: SIPHeaders, _ name: SIPHeaderName
    ) throws(SIPParseError) -> [NameAddress] {
        var list: [NameAddress] = []
        try headers.forEach(name) { (value) throws(SIPParseError) -> Void in
            for element in CommaList(value) { list.append(try address(element, name)) }
        }
        return list
    }

    /// The first field of that name, which is one address.
    static func address(_ headers: SIPHeaders, _ name: SIPHeaderName) throws(SIPParseError) -> NameAddress {
        guard let value = headers.bytes(of: name) else { throw .missingHeader(name) }
        return try value.withView { (value) throws(SIPParseError) -> NameAddress in try address(value, name) }
    }

    private static func address(_ value: ByteView, _ name: SIPHeaderName) throws(SIPParseError) -> NameAddress {
        do {
            return try NameAddress(view: value)
        } catch {
            switch error {
            case .malformedURI(let reason): throw .malformedHeader(name, reason: "URI: \(reason)")
            case .malformedValue(_, let reason): throw .malformedHeader(name, reason: reason)
            default: throw error
            }
        }
    }
}
