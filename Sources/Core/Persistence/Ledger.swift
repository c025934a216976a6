package import Primitives
package import PrivacyContract

/// The owner's ledger as a hash chain: each entry's hash covers the one before it, so that no line can be changed,
/// removed or slipped in unnoticed.
///
/// Pure: makes entries, never stores them. Sequences start at 1.
package struct Ledger: Sendable {
    private let hashes: any HashFunctions
    private var sequence: UInt64
    private var head: [UInt8]

    /// The hash before the first entry.
    package static let genesis = [UInt8](repeating: 0, count: 32)

    /// Goes on after `last`; nil: a new ledger.
    package init(after last: LedgerEntry?, hashes: any HashFunctions) {
        self.hashes = hashes
        sequence = last?.sequence ?? 0
        head = last?.hash ?? Self.genesis
    }

    /// The next entry. It has to be stored before the one after it.
    package mutating func entry(
        at time: UnixTime, flow: FlowID, recipient: Recipient, fieldNames: [FieldName], bytes: Int64, result: String
    ) -> LedgerEntry {
        sequence += 1
        var entry = LedgerEntry(
            sequence: sequence, time: time, flow: flow, recipient: recipient, fieldNames: fieldNames, bytes: bytes,
            result: result, hash: [])
        entry.hash = Self.hash(of: entry, after: head, hashes: hashes)
        head = entry.hash
        return entry
    }

    /// What is hashed after the previous hash: every value with its length before it, so that no two entries share it.
    package static func canonicalText(_ entry: LedgerEntry) -> String {
        let values =
            [
                String(entry.sequence), String(entry.time.milliseconds), entry.flow.rawValue, entry.recipient.rawValue,
                String(entry.bytes), entry.result,
            ] + entry.fieldNames.map(\.rawValue)
        return values.map { "\($0.utf8.count):\($0)," }.joined()
    }

    /// The first thing wrong with consecutive entries, ascending; nil when the chain holds.
    ///
    /// - Parameter previous: the entry before the first one; nil when the first one opens the ledger.
    package static func verify(
        _ entries: [LedgerEntry], after previous: LedgerEntry? = nil, hashes: any HashFunctions
    ) -> LedgerDamage? {
        var sequence = previous?.sequence ?? 0
        var head = previous?.hash ?? genesis
        for entry in entries {
            guard entry.sequence == sequence &+ 1 else {
                return .gap(expected: sequence &+ 1, found: entry.sequence)
            }
            guard entry.hash == hash(of: entry, after: head, hashes: hashes) else {
                return .changed(sequence: entry.sequence)
            }
            sequence = entry.sequence
            head = entry.hash
        }
        return nil
    }

    private static func hash(of entry: LedgerEntry, after head: [UInt8], hashes: any HashFunctions) -> [UInt8] {
        hashes.sha256(head + Array(canonicalText(entry).utf8))
    }
}

/// What `Ledger.verify` found.
package enum LedgerDamage: Error, Sendable, Hashable {
    case gap(expected: UInt64, found: UInt64)
    /// This entry, or the one before it, is not what was written.
    case changed(sequence: UInt64)
    /// A signature covers this entry, and the ledger ends before it.
    case signedAndGone(sequence: UInt64)
    /// The signature over this entry is not the device's.
    case notSigned(sequence: UInt64)
}

extension LedgerDamage: CustomStringConvertible {
    package var description: String {
        switch self {
        case .gap(let expected, let found):
            "the ledger lacks entries from \(expected) to before \(found); restore it from a copy, or note the loss"
        case .changed(let sequence): "ledger entry \(sequence) was changed after it was written; compare it with a copy"
        case .signedAndGone(let sequence):
            "the ledger was signed up to entry \(sequence) and ends before it; restore it from a copy, or note the loss"
        case .notSigned(let sequence):
            "the signature over ledger entry \(sequence) is not this device's, or its certificate is not of the vendor's"
                + " root; compare the ledger with a copy"
        }
    }
}
