package import Primitives

/// The Binding server of a SIP port (RFC 5626 section 3.5.2, RFC 8489 section 6.3.1): no state, no authentication.
extension STUNMessage {
    /// The answer to a Binding request that came from `remote`; nil for everything that is not to be answered.
    ///
    /// An attribute that must be understood and is not gives 420. An answer is at most 12 bytes longer than a request
    /// without attributes, so that a forged source gains nothing by it.
    package static func answer(to bytes: [UInt8], from remote: Endpoint) -> [UInt8]? {
        guard let request = try? STUNMessage(parsing: bytes), request.kind == .request, request.method == binding else {
            return nil
        }
        let unknown = request.attributes.map(\.type).filter { $0 < 0x8000 && !understood.contains($0) }
        var answer = STUNMessage(
            unknown.isEmpty ? .success : .failure, transactionID: request.transactionID,
            hasFingerprint: request.hasFingerprint)
        if unknown.isEmpty {
            answer.attributes = [Attribute(xorMappedAddress, xored(remote, transactionID: request.transactionID))]
        } else {
            answer.attributes = [
                Attribute(errorCode, [0, 0, 4, 20] + Array("Unknown Attribute".utf8)),
                Attribute(unknownAttributes, unknown.prefix(8).flatMap { Self.bytes($0) }),
            ]
        }
        return answer.serialised()
    }

    /// The address in XOR-MAPPED-ADDRESS; nil when there is none that can be read.
    package var mappedAddress: Endpoint? {
        guard let value = attributes.first(where: { $0.type == Self.xorMappedAddress })?.value, value.count >= 8 else {
            return nil
        }
        let mask = Self.mask(transactionID)
        let port = Self.word(value, 2) ^ UInt16(Self.cookie >> 16)
        let plain = zip(value[4...], mask).map { $0 ^ $1 }
        switch (value[1], value.count) {
        case (1, 8): return Endpoint(address: .v4(UInt32(Self.number(plain[0..<4]))), port: port)
        case (2, 20): return Endpoint(address: .v6(Self.number(plain[0..<8]), Self.number(plain[8..<16])), port: port)
        default: return nil
        }
    }

    /// MAPPED-ADDRESS, USERNAME, MESSAGE-INTEGRITY, ERROR-CODE, UNKNOWN-ATTRIBUTES, REALM, NONCE,
    /// MESSAGE-INTEGRITY-SHA256, PASSWORD-ALGORITHM, USERHASH, XOR-MAPPED-ADDRESS: known, and without effect here.
    private static let understood: Set<UInt16> = [1, 6, 8, 9, 0xA, 0x14, 0x15, 0x1C, 0x1D, 0x1E, 0x20]

    private static func xored(_ endpoint: Endpoint, transactionID: [UInt8]) -> [UInt8] {
        let address: [UInt8]
        switch endpoint.address {
        case .v4(let bits): address = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            address = [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
            }
        }
        return [0, endpoint.address.isV4 ? 1 : 2] + bytes(endpoint.port ^ UInt16(cookie >> 16))
            + zip(address, mask(transactionID)).map { $0 ^ $1 }
    }

    private static func mask(_ transactionID: [UInt8]) -> [UInt8] {
        bytes(UInt16(cookie >> 16)) + bytes(UInt16(truncatingIfNeeded: cookie)) + transactionID
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
