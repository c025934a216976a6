package import Primitives

/// A signature of the device over the ledger's head: who rewrites entries afterwards, with all hashes computed anew, would
/// need the key that never leaves the hardware.
package struct LedgerCheckpoint: Sendable, Equatable {
    /// The last entry that it covers; all before it are covered through the chain.
    package var sequence: UInt64
    /// When it was signed.
    package var time: UnixTime
    /// The hash of that entry.
    package var hash: [UInt8]
    /// ECDSA P-256 over SHA-256 of `signedText`, a DER-encoded ECDSA-Sig-Value.
    package var signature: [UInt8]
    /// PEM, leaf first: the device certificate at that time, which a renewal replaces.
    package var certificateChain: String

    package init(sequence: UInt64, time: UnixTime, hash: [UInt8], signature: [UInt8], certificateChain: String) {
        self.sequence = sequence
        self.time = time
        self.hash = hash
        self.signature = signature
        self.certificateChain = certificateChain
    }

    /// What is signed: nothing else that the device signs begins like this.
    package static func signedText(sequence: UInt64, time: UnixTime, hash: [UInt8]) -> String {
        "pbx ledger checkpoint 1\n\(sequence)\n\(time.milliseconds)\n\(Hex.encode(hash))\n"
    }
}

/// What looking through a ledger came to, when nothing is wrong with it.
package struct LedgerVerdict: Sendable, Equatable {
    package var entryCount: Int
    /// The last entry's hash.
    package var head: [UInt8]
    /// The last entry under a signature; 0: none is.
    package var signedThrough: UInt64
    /// How many of the latest entries no signature covers yet.
    package var unsignedCount: Int
    /// The sum of the entries' bytes.
    package var byteCount: Int64
    /// `serialNumber` of the certificates that signed, each once.
    package var signers: [String]
}

/// Who signed: the crypto of the caller answers.
package protocol LedgerSignatureCheck {
    /// The subject `serialNumber` of the chain's leaf if `signature` over `digest` is its key's, and the chain one that
    /// the caller trusts for that time; nil otherwise.
    func signer(chainPEM: String, at time: UnixTime, digest: [UInt8], signature: [UInt8]) -> String?
}

extension Ledger {
    /// Looks through a whole ledger and its checkpoints, both ascending.
    ///
    /// - Parameter serial: the appliance whose ledger it should be; nil: any one, but only one.
    package static func judge(
        _ entries: [LedgerEntry], _ checkpoints: [LedgerCheckpoint], serial: String?, hashes: any HashFunctions,
        signatures: some LedgerSignatureCheck
    ) throws(LedgerDamage) -> LedgerVerdict {
        if let damage = verify(entries, hashes: hashes) { throw damage }
        var verdict = LedgerVerdict(
            entryCount: entries.count, head: entries.last?.hash ?? genesis, signedThrough: 0,
            unsignedCount: entries.count,
            byteCount: entries.reduce(0) { $0 + $1.bytes }, signers: [])
        for checkpoint in checkpoints {
            // Sequences are consecutive from 1, as `verify` has shown.
            guard checkpoint.sequence >= 1, checkpoint.sequence <= UInt64(entries.count) else {
                throw .signedAndGone(sequence: checkpoint.sequence)
            }
            guard entries[Int(checkpoint.sequence) - 1].hash == checkpoint.hash else {
                throw .changed(sequence: checkpoint.sequence)
            }
            let text = LedgerCheckpoint.signedText(
                sequence: checkpoint.sequence, time: checkpoint.time, hash: checkpoint.hash)
            let signer = signatures.signer(
                chainPEM: checkpoint.certificateChain, at: checkpoint.time, digest: hashes.sha256(Array(text.utf8)),
                signature: checkpoint.signature)
            guard let signer, serial == nil || serial == signer else { throw .notSigned(sequence: checkpoint.sequence) }
            if !verdict.signers.contains(signer) { verdict.signers.append(signer) }
            guard verdict.signers.count == 1 else { throw .notSigned(sequence: checkpoint.sequence) }
            verdict.signedThrough = max(verdict.signedThrough, checkpoint.sequence)
        }
        verdict.unsignedCount = entries.count - Int(verdict.signedThrough)
        return verdict
    }
}
