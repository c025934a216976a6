package import CloudMessages
package import Primitives

/// Decides about a manifest whose signature was checked: for this board, newer than what runs, neither repeated nor expired,
/// and whether the staged roll-out has come to this installation.
package struct UpdateJudge: Sendable {
    package enum Verdict: Sendable, Hashable {
        /// It is what runs.
        case upToDate
        case offered
        /// Good, but for other installations first.
        case heldBack
    }

    /// An issuer's clock may be ahead of ours by so much.
    package static let clockTolerance = Duration.seconds(86_400)
    /// The share of an installation is one of so many.
    package static let shares: UInt64 = 10_000

    private let running: FirmwareVersion?
    private let runningText: String
    private let board: String
    private let bundleLimit: Int64
    private let hashes: any HashFunctions

    package init(running: String, board: String, bundleLimit: Int, hashes: any HashFunctions) {
        self.running = FirmwareVersion(running)
        runningText = running
        self.board = board
        self.bundleLimit = Int64(bundleLimit)
        self.hashes = hashes
    }

    /// - Parameters:
    ///   - forgery: why the signature is not the vendor's; nil: it is.
    ///   - known: when the newest manifest that was believed was issued.
    package func judge(
        _ manifest: UpdateManifest, forgery: String?, known: UnixTime?, installationID: String, at wall: UnixTime
    ) throws(UpdateRefusal) -> Verdict {
        if let forgery { throw .forged(forgery) }
        guard manifest.board == board else { throw .otherBoard(found: manifest.board, own: board) }
        guard let version = FirmwareVersion(manifest.version) else {
            throw .malformed("'\(manifest.version.prefix(40))' is no version")
        }
        guard let running else { throw .malformed("the running version '\(runningText)' is no version") }
        guard manifest.sha256.count == 32, manifest.sizeBytes > 0, (0...100).contains(manifest.rolloutPercent) else {
            throw .malformed("size, digest or roll-out is missing")
        }
        if let known, manifest.issuedAt < known { throw .replayed(issuedAt: manifest.issuedAt, known: known) }
        guard manifest.issuedAt <= wall + Self.clockTolerance else { throw .fromTheFuture(issuedAt: manifest.issuedAt) }
        guard manifest.expiresAt > wall else { throw .expired(at: manifest.expiresAt) }
        guard version >= running else { throw .older(found: manifest.version, running: runningText) }
        guard manifest.sizeBytes <= bundleLimit else { throw .tooLarge(bytes: manifest.sizeBytes, limit: bundleLimit) }
        if version == running { return .upToDate }
        return isIncluded(manifest, installationID) ? .offered : .heldBack
    }

    /// The installation's share is a hash of its id and the version: the same for each question, another for each version,
    /// and known to nobody who is not told the id.
    private func isIncluded(_ manifest: UpdateManifest, _ installationID: String) -> Bool {
        let digest = hashes.sha256(Array("roll-out \(manifest.version) \(installationID)".utf8))
        let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return number % Self.shares < UInt64(manifest.rolloutPercent) * (Self.shares / 100)
    }
}
