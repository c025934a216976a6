/// The update server (F-S2): one signed manifest per board. It remembers nothing of who asks; the roll-out is decided by the
/// installations themselves, so that the answer is the same for all.
package struct UpdateServerCore: Sendable {
    private struct Release: Sendable {
        var system: String
        var version: String
        /// As the signer made it; the server has no key.
        var signedManifest: [UInt8]
    }
    private var releases: [Release] = []
    private let limits: CloudLimits
    /// Questions since the start.
    package private(set) var questionCount: UInt64 = 0

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    /// The newest release of a system (`linux-<board>`) replaces the one before.
    package mutating func publish(
        system: String, version: String, signedManifest: [UInt8]
    ) throws(CloudRefusal) {
        guard CloudNames.isIdentifier(system), CloudNames.isIdentifier(version) else {
            throw .invalid(what: "release", reason: "system and version are identifiers")
        }
        guard signedManifest.count <= limits.manifestBytes else {
            throw .tooLarge(
                what: "manifest", bytes: Int64(signedManifest.count), limit: Int64(limits.manifestBytes))
        }
        releases.removeAll { $0.system == system }
        guard releases.count < limits.updateBoards else { throw .tooMany(what: "boards", limit: limits.updateBoards) }
        releases.append(Release(system: system, version: version, signedManifest: signedManifest))
    }

    /// Answers a question whose fields are the query's, by name: exactly the declared ones. Nil: what runs is the newest.
    package mutating func answer(_ query: [(name: String, value: String)]) throws(CloudRefusal) -> [UInt8]? {
        var values: [String: String] = [:]
        for (name, value) in query {
            guard Self.fields.contains(name), values[name] == nil, CloudNames.isIdentifier(value) else {
                throw .invalid(what: "query", reason: "'\(name.prefix(40))' is not declared, or no identifier")
            }
            values[name] = value
        }
        guard values.count == Self.fields.count, let system = values["operatingSystem"], let version = values["version"]
        else { throw .invalid(what: "query", reason: "it has \(Self.fields.joined(separator: ", "))") }
        questionCount += 1
        guard let release = releases.first(where: { $0.system == system }), release.version != version else {
            return nil
        }
        return release.signedManifest
    }

    /// What a question carries, and no more.
    package static let fields = ["activationStatus", "installationId", "operatingSystem", "version"]

    package func hasRelease(system: String, version: String) -> Bool {
        releases.contains { $0.system == system && $0.version == version }
    }
}
