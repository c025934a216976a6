package import Primitives

/// Telephones that have refused protected media and taken plain ones: they are offered plain ones first, so that each of
/// their calls needs one INVITE instead of two.
///
/// It lasts until the telephone registers anew, because its name here holds the Call-ID of its registration, and an hour at
/// most: one that has been taught SRTP since is not left in the clear for longer.
package struct ProtectionRefusals: Sendable {
    package static let lifetime = Duration.seconds(3_600)
    /// Longer names are not kept; telephones choose them.
    package static let nameBytes = 512

    private let limit: Int
    private var expiries: [String: Instant] = [:]
    /// The oldest first.
    private var names: [String] = []

    package init(limit: Int) {
        self.limit = limit
    }

    package var count: Int { names.count }

    package func contains(_ name: String?, at now: Instant) -> Bool {
        guard let name, let until = expiries[name] else { return false }
        return now < until
    }

    /// At the limit the oldest gives way.
    package mutating func note(_ name: String?, at now: Instant) {
        guard let name, name.utf8.count <= Self.nameBytes, limit > 0 else { return }
        forget(name)
        if names.count >= limit { forget(names[0]) }
        names.append(name)
        expiries[name] = now + Self.lifetime
    }

    package mutating func forget(_ name: String?) {
        guard let name, expiries.removeValue(forKey: name) != nil else { return }
        names.removeAll { $0 == name }
    }
}
