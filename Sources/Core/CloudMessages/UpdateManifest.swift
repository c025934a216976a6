package import Primitives

/// What the update server says of the newest firmware for a board (F-S2), as the vendor signed it (WIRE.md, Update).
///
/// It names no host: the bundle lies at the server that was asked, under the board's and the version's names alone, so that
/// neither server nor signer can tell appliances apart by what they fetch.
package struct UpdateManifest: Sendable, Hashable {
    /// Dotted numbers, `1.2.10`.
    package var version: String
    /// The board whose image it is (`/etc/pbx/board`).
    package var board: String
    /// What is new, for the owner.
    package var notes: String
    package var sizeBytes: Int64
    /// SHA-256 of the bundle.
    package var sha256: [UInt8]
    /// How many of a hundred installations may take it by now; each decides for itself whether it is one of them.
    package var rolloutPercent: Int
    package var issuedAt: UnixTime
    /// After this moment the manifest says nothing any more.
    package var expiresAt: UnixTime

    package init(
        version: String, board: String, notes: String = "", sizeBytes: Int64, sha256: [UInt8],
        rolloutPercent: Int = 100,
        issuedAt: UnixTime, expiresAt: UnixTime
    ) {
        self.version = version
        self.board = board
        self.notes = notes
        self.sizeBytes = sizeBytes
        self.sha256 = sha256
        self.rolloutPercent = rolloutPercent
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }
}
