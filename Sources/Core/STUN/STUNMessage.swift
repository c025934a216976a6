/// One STUN message (RFC 8489 section 5), as far as keep-alives over SIP's UDP flows need it (RFC 5626 section 3.5.2).
package struct STUNMessage: Hashable, Sendable {
    /// The class bits of the message type.
    package enum Kind: UInt16, Sendable, Hashable {
        case request = 0x000
        case indication = 0x010
        case success = 0x100
        case failure = 0x110
    }

    package struct Attribute: Hashable, Sendable {
        package let type: UInt16
        /// Without padding.
        package let value: [UInt8]

        package init(_ type: UInt16, _ value: [UInt8]) {
            self.type = type
            self.value = value
        }
    }

    /// RFC 8489 section 18.
    package static let binding: UInt16 = 0x001
    package static let errorCode: UInt16 = 0x0009
    package static let unknownAttributes: UInt16 = 0x000A
    package static let xorMappedAddress: UInt16 = 0x0020
    package static let fingerprint: UInt16 = 0x8028
    static let cookie: UInt32 = 0x2112_A442
    private static let headerBytes = 20

    package var kind: Kind
    package var method: UInt16
    /// 12 bytes.
    package let transactionID: [UInt8]
    /// In order, without FINGERPRINT.
    package var attributes: [Attribute]
    /// Whether a FINGERPRINT stands, or is to stand, at the end.
    package var hasFingerprint: Bool

    /// A message to be sent. `transactionID` is cut or filled with zeros to 12 bytes.
    package init(
        _ kind: Kind, method: UInt16 = Self.binding, transactionID: [UInt8], attributes: [Attribute] = [],
        hasFingerprint: Bool = true
    ) {
        self.kind = kind
        self.method = method
        self.transactionID = Array((transactionID + [UInt8](repeating: 0, count: 12)).prefix(12))
        self.attributes = attributes
        self.hasFingerprint = hasFingerprint
    }

    /// True when a datagram on a port that others share is STUN: the two topmost bits, the cookie and the length say so.
    package static func recognises(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        guard bytes.count >= headerBytes, let first = bytes.first, first & 0xC0 == 0 else { return false }
        let length = word(bytes, 2)
        return length % 4 == 0 && Int(length) + headerBytes == bytes.count
            && UInt32(word(bytes, 4)) << 16 | UInt32(word(bytes, 6)) == cookie
    }

    /// Reads a message; a FINGERPRINT, if there, must be the last attribute and right.
    package init(parsing bytes: [UInt8]) throws(STUNError) {
        guard Self.recognises(bytes) else { throw .notSTUN }
        let type = Self.word(bytes, 0)
        // Two class bits stand amid the twelve of the method (RFC 8489 figure 3).
        guard let kind = Kind(rawValue: type & 0x110) else { throw .notSTUN }
        self.kind = kind
        method = type & 0xF | (type & 0xE0) >> 1 | (type & 0x3E00) >> 2
        transactionID = Array(bytes[8..<20])
        attributes = []
        hasFingerprint = false
        var index = Self.headerBytes
        while index < bytes.count {
            guard index + 4 <= bytes.count, !hasFingerprint else { throw .malformed }
            let (type, length) = (Self.word(bytes, index), Int(Self.word(bytes, index + 2)))
            let (start, end) = (index + 4, index + 4 + length)
            guard end <= bytes.count else { throw .malformed }
            if type == Self.fingerprint {
                guard length == 4 else { throw .malformed }
                let sent = UInt32(Self.word(bytes, start)) << 16 | UInt32(Self.word(bytes, start + 2))
                guard sent == Self.fingerprint(of: bytes[..<index]) else { throw .wrongFingerprint }
                hasFingerprint = true
            } else {
                attributes.append(Attribute(type, Array(bytes[start..<end])))
            }
            index = (end + 3) & ~3
        }
    }

    /// The bytes to send.
    package func serialised() -> [UInt8] {
        let type = kind.rawValue | method & 0xF | (method & 0x70) << 1 | (method & 0xF80) << 2
        var bytes = Self.bytes(type) + [0, 0] + Self.bytes(UInt16(Self.cookie >> 16))
        bytes += Self.bytes(UInt16(truncatingIfNeeded: Self.cookie)) + transactionID
        for attribute in attributes {
            bytes += Self.bytes(attribute.type) + Self.bytes(UInt16(attribute.value.count)) + attribute.value
            bytes += [UInt8](repeating: 0, count: -attribute.value.count & 3)
        }
        let length = Self.bytes(UInt16(bytes.count - Self.headerBytes + (hasFingerprint ? 8 : 0)))
        bytes.replaceSubrange(2..<4, with: length)
        if hasFingerprint {
            let value = Self.fingerprint(of: bytes[...])
            bytes += Self.bytes(Self.fingerprint) + [0, 4]
            bytes += Self.bytes(UInt16(value >> 16)) + Self.bytes(UInt16(truncatingIfNeeded: value))
        }
        return bytes
    }

    // MARK: - Words

    static func word(_ bytes: some RandomAccessCollection<UInt8>, _ offset: Int) -> UInt16 {
        let index = bytes.index(bytes.startIndex, offsetBy: offset)
        return UInt16(bytes[index]) << 8 | UInt16(bytes[bytes.index(after: index)])
    }

    static func bytes(_ word: UInt16) -> [UInt8] { [UInt8(word >> 8), UInt8(word & 0xFF)] }

    /// RFC 8489 section 14.7: CRC-32 of all that stands before, the length already counting it, with "STUN" over it.
    private static func fingerprint(of bytes: ArraySlice<UInt8>) -> UInt32 {
        var crc: UInt32 = .max
        for byte in bytes { crc = crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
        return ~crc ^ 0x5354_554E
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB8_8320 }
    }
}

/// Why bytes are no STUN message.
package enum STUNError: Error, Hashable, Sendable {
    case notSTUN
    case malformed
    case wrongFingerprint
}

extension STUNError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notSTUN: "the datagram is not STUN"
        case .malformed: "the STUN message's attributes do not fit its length"
        case .wrongFingerprint: "the STUN message's FINGERPRINT is wrong; it was changed on its way"
        }
    }
}
