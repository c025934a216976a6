import CloudCore
package import CloudMessages
import CloudWire
import OpenSSLCrypto
package import Primitives

/// What a release is made of, on the machine that has the signer's key: the server itself needs none.
package struct UpdatePublisher: Sendable {
    /// A manifest is worth something for so long; a newer one replaces it before.
    package static let lifetime = Duration.seconds(90 * 86_400)

    private let pkiDirectory: String
    private let updatesDirectory: String

    /// `dataDirectory` is that of the server.
    package init(pkiDirectory: String, dataDirectory: String) {
        self.pkiDirectory = pkiDirectory
        updatesDirectory = Self.directory(dataDirectory)
    }

    package static func directory(_ dataDirectory: String) -> String { "\(dataDirectory)/updates" }

    /// Puts a bundle where the server serves it, and signs a manifest for it. Returns what was signed.
    @discardableResult
    package func publish(
        bundle: [UInt8], version: String, board: String, notes: String, rolloutPercent: Int, at wall: UnixTime,
        lifetime: Duration = UpdatePublisher.lifetime
    ) throws -> UpdateManifest {
        let manifest = UpdateManifest(
            version: version, board: board, notes: notes, sizeBytes: Int64(bundle.count),
            sha256: OpenSSLHashes().sha256(bundle), rolloutPercent: rolloutPercent, issuedAt: wall,
            expiresAt: wall + lifetime)
        try put(bundle, version: version, board: board)
        try put(try sign(manifest), of: version, board: board)
        return manifest
    }

    /// The manifest as the appliance takes it (compact JWS).
    package func sign(_ manifest: UpdateManifest, as role: String = DevelopmentPKI.updateSigner) throws -> [UInt8] {
        let (chain, key) = try DevelopmentPKI.open(directory: pkiDirectory).load(role: role)
        let payload = try UpdateManifestBody(manifest).encoded()
        return Array(try JWS.sign(payload: payload, type: "update-manifest", chain: chain, signer: key).utf8)
    }

    /// What the server answers with; tests put there what is not the vendor's.
    package func put(_ signedManifest: [UInt8], of version: String, board: String) throws {
        let folder = try folder(board)
        try ServerFiles.replace("\(folder)/version", with: Array(version.utf8))
        try ServerFiles.replace("\(folder)/manifest.jws", with: signedManifest)
    }

    package func put(_ bundle: [UInt8], version: String, board: String) throws {
        guard CloudNames.isIdentifier(version) else {
            throw CloudRefusal.invalid(what: "version", reason: "'\(version)' is no identifier")
        }
        try ServerFiles.replace("\(try folder(board))/\(version)", with: bundle)
    }

    private func folder(_ board: String) throws -> String {
        guard CloudNames.isIdentifier(board) else {
            throw CloudRefusal.invalid(what: "board", reason: "'\(board)' is no identifier")
        }
        let folder = "\(updatesDirectory)/linux-\(board)"
        try ServerFiles.makeDirectory(folder)
        return folder
    }
}
