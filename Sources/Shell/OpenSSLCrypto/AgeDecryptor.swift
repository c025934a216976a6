package import Primitives

/// Decrypts an age v1 file with constant memory: `update` as ciphertext arrives, then `finish` once.
///
/// Plaintext that `update` returns is authentic, but the file is whole only when `finish` returns: treat everything
/// before as provisional, or an attacker may cut the file short.
package struct AgeDecryptor: Sendable {
    /// Reading costs at most scrypt with n = 2^20 (1 GiB); a header that asks for more is refused (WIRE.md, Backup).
    package static let workFactorLimitLog2 = 20

    private enum Opener: Sendable {
        case identities([AgeIdentity])
        case passphrase(Secret, limitLog2: Int)
    }

    private enum State: Sendable {
        case header
        case nonce(fileKey: Secret)
        case payload(AgePayload)
        case ended
    }

    private let opener: Opener
    private var state = State.header
    private var buffer: [UInt8] = []

    package init(identities: [AgeIdentity]) {
        opener = .identities(identities)
    }

    /// `workFactorLimitLog2` may be lowered to what the board's memory allows.
    package init(passphrase: Secret, workFactorLimitLog2: Int = AgeDecryptor.workFactorLimitLog2) {
        opener = .passphrase(passphrase, limitLog2: min(workFactorLimitLog2, Self.workFactorLimitLog2))
    }

    package mutating func update(_ ciphertext: [UInt8]) throws(CryptoError) -> [UInt8] {
        do throws(CryptoError) { return try advance(ciphertext) } catch {
            state = .ended
            buffer = []
            throw error
        }
    }

    /// The last plaintext; throws when the file was cut off or altered.
    package mutating func finish() throws(CryptoError) -> [UInt8] {
        let rest = buffer
        buffer = []
        defer { state = .ended }
        switch state {
        case .header, .nonce: throw .malformed(what: "age file", reason: "it ends before its payload")
        case .payload(var payload): return try payload.open(rest, isLast: true)
        case .ended: throw .malformed(what: "age file", reason: "it was refused or finished before")
        }
    }

    private mutating func advance(_ ciphertext: [UInt8]) throws(CryptoError) -> [UInt8] {
        buffer += ciphertext
        var output: [UInt8] = []
        while true {
            switch state {
            case .header:
                guard let (header, length) = try AgeHeader.parse(buffer) else { return output }
                let fileKey = try fileKey(of: header)
                guard constantTimeEquals(try AgeKeyWrap.mac(header.stanzas, fileKey: fileKey), header.mac) else {
                    throw .authenticationFailed("the age header")
                }
                buffer.removeFirst(length)
                state = .nonce(fileKey: fileKey)
            case .nonce(let fileKey):
                guard buffer.count >= AgePayload.nonceBytes else { return output }
                let nonce = Array(buffer.prefix(AgePayload.nonceBytes))
                buffer.removeFirst(AgePayload.nonceBytes)
                state = .payload(AgePayload(key: try AgeKeyWrap.payloadKey(fileKey: fileKey, nonce: nonce)))
            case .payload(var payload):
                var position = 0
                // A full chunk stays until more follows: it may be the last one.
                while buffer.count - position > AgePayload.sealedChunkBytes {
                    let sealed = Array(buffer[position..<position + AgePayload.sealedChunkBytes])
                    output += try payload.open(sealed, isLast: false)
                    position += AgePayload.sealedChunkBytes
                }
                buffer.removeFirst(position)
                state = .payload(payload)
                return output
            case .ended: throw .malformed(what: "age file", reason: "it was refused or finished before")
            }
        }
    }

    private func fileKey(of header: AgeHeader) throws(CryptoError) -> Secret {
        // A passphrase has no company (age v1, "scrypt recipient stanza"): others could read what it protects.
        if header.stanzas.contains(where: { $0.type == "scrypt" }), header.stanzas.count > 1 {
            throw AgeHeader.malformed("a scrypt recipient stands beside others")
        }
        switch opener {
        case .passphrase(let passphrase, let limitLog2):
            guard let stanza = header.stanzas.first, stanza.type == "scrypt" else { throw .noMatchingIdentity }
            guard let key = try AgeKeyWrap.unwrap(stanza, passphrase: passphrase, limitLog2: limitLog2) else {
                throw .wrongPassphrase
            }
            return key
        case .identities(let identities):
            for stanza in header.stanzas {
                for identity in identities {
                    if let key = try AgeKeyWrap.unwrap(stanza, identity: identity) { return key }
                }
            }
            throw .noMatchingIdentity
        }
    }
}
