import Primitives

/// The hashes of user, realm and password (HA1), so that verifying costs two hashes and not three.
///
/// An entry is good for the password that it was made of: another password for the same user makes it anew. Bounded: a
/// full table begins again from nothing.
struct DigestSecrets: Sendable {
    private struct Key: Hashable, Sendable {
        let username: String
        let algorithm: DigestAlgorithm
    }
    private struct Entry: Sendable {
        let password: Secret
        let hash: Secret
    }
    private let realm: String
    private let capacity: Int
    private var entries: [Key: Entry] = [:]

    init(realm: String, capacity: Int) {
        precondition(capacity > 0, "the table of secrets needs room for one")
        self.realm = realm
        self.capacity = capacity
    }

    var count: Int { entries.count }

    /// Nil when `hashes` lacks the algorithm.
    mutating func hash(
        of username: String, _ algorithm: DigestAlgorithm, password: Secret, using hashes: any HashFunctions
    ) -> Secret? {
        let key = Key(username: username, algorithm: algorithm.plain)
        if let entry = entries[key], entry.password === password || entry.password == password { return entry.hash }
        let hash = DigestResponse.secretHash(
            username: username, realm: realm, password: password, algorithm: algorithm, using: hashes)
        guard let hash else { return nil }
        if entries.count >= capacity { entries.removeAll(keepingCapacity: true) }
        entries[key] = Entry(password: password, hash: hash)
        return hash
    }

    mutating func forget(_ username: String) {
        for algorithm in DigestAlgorithm.allCases { entries[Key(username: username, algorithm: algorithm)] = nil }
    }
}
