/// The hash of a certificate's DER encoding, by which a session description names it (RFC 8122 section 5).
package struct CertificateFingerprint: Hashable, Sendable {
    /// What is believed, the weakest first. MD5 and SHA-1 are not (RFC 8122 section 5.1 forbids the former).
    package enum HashFunction: String, Hashable, Sendable, CaseIterable, Comparable {
        case sha256 = "sha-256"
        case sha384 = "sha-384"
        case sha512 = "sha-512"

        package var digestBytes: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }

        package static func < (left: Self, right: Self) -> Bool { left.digestBytes < right.digestBytes }
    }

    package let hashFunction: HashFunction
    /// `hashFunction.digestBytes` long.
    package let digest: [UInt8]

    /// Nil when the digest has not the function's length.
    package init?(_ hashFunction: HashFunction, digest: [UInt8]) {
        guard digest.count == hashFunction.digestBytes else { return nil }
        self.hashFunction = hashFunction
        self.digest = digest
    }
}

extension CertificateFingerprint: CustomStringConvertible {
    /// As it stands in a session description: `sha-256 4A:AD:…`.
    package var description: String {
        hashFunction.rawValue + " " + digest.map { Hex.encode([$0]).uppercased() }.joined(separator: ":")
    }

    /// Reads that form; nil for other hash functions, and for anything but pairs of digits with colons between.
    package init?(_ text: String) {
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count == 2, let function = HashFunction(rawValue: fields[0].lowercased()) else { return nil }
        let pairs = fields[1].split(separator: ":", omittingEmptySubsequences: false)
        guard pairs.count == function.digestBytes else { return nil }
        var digest: [UInt8] = []
        for pair in pairs {
            guard pair.utf8.count == 2, let byte = Hex.decode(pair)?.first else { return nil }
            digest.append(byte)
        }
        self.init(function, digest: digest)
    }
}
