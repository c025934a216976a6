import ArgumentParser
import Glibc
import OpenSSLCrypto
import Persistence
import Primitives
import PrivacyContract
import Vectors

/// A ledger of the running appliance, or one that was exported before.
struct LedgerSource: ParsableArguments {
    @Option(help: ArgumentHelp("An exported ledger instead of the appliance's.", valueName: "file"))
    var file: String?
    @Option(
        help: ArgumentHelp(
            "The vendor's root certificate (PEM), to check whose signatures these are.", valueName: "file")
    )
    var root: String?
    @OptionGroup var remote: RemoteOptions

    func read() async throws -> LedgerFile {
        guard let file else { return try await LedgerFile.read(from: remote) }
        let bytes: [UInt8]
        do { bytes = try PrivateFile.read(file, limit: LedgerFile.limit) } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        return try LedgerFile(text: String(decoding: bytes, as: UTF8.self))
    }

    /// The chain and every signature; with a root, the certificates too.
    func judge(_ ledger: LedgerFile) throws(LedgerDamage) -> LedgerVerdict {
        let pem = root.flatMap { try? PrivateFile.read($0) }.map { String(decoding: $0, as: UTF8.self) }
        return try Ledger.judge(
            ledger.entries, ledger.checkpoints, serial: ledger.serial, hashes: OpenSSLHashes(),
            signatures: CertificateSignatures(root: pem.flatMap { try? Certificate(pem: $0) }, needsRoot: root != nil))
    }
}

/// Signatures by device certificates, checked up to the vendor's root where that is known.
struct CertificateSignatures: LedgerSignatureCheck {
    let root: Certificate?
    /// A root was named: one that cannot be read trusts nobody.
    let needsRoot: Bool

    func signer(chainPEM: String, at time: UnixTime, digest: [UInt8], signature: [UInt8]) -> String? {
        guard let chain = try? Certificate.chain(pem: chainPEM), let leaf = chain.first,
            leaf.publicKey?.isValid(signature: signature, sha256Digest: digest) == true
        else { return nil }
        guard needsRoot else { return leaf.subjectSerialNumber }
        guard let root else { return nil }
        do throws(CryptoError) {
            try Certificate.verifyChain(
                leaf: leaf, intermediates: Array(chain.dropFirst()), root: root, at: time, purpose: .client)
        } catch { return nil }
        return leaf.subjectSerialNumber
    }
}

/// Entries and signatures as one text: a line that says what it is, then a JSON object per line.
struct LedgerFile {
    static let limit = 256 * 1024 * 1024
    private static let format = "pbx-ledger-1"

    let serial: String
    let entries: [LedgerEntry]
    let checkpoints: [LedgerCheckpoint]
    let text: String

    static func read(from remote: RemoteOptions) async throws -> LedgerFile {
        let status = JSONValue.parse(try await remote.client.send(.get, "/v1/status"))
        guard let serial = status?["serial"].text else {
            throw CommandFailure(
                .general, "the appliance does not say its serial number; pbxctl and pbxd differ in version")
        }
        // Signatures first: an entry that comes between the two readings is no damage then.
        let checkpoints = try await remote.pages(
            "/v1/ledger/checkpoints", "checkpoints", after: 0, cursorOf: "sequence")
        let entries = try await remote.pages("/v1/ledger", "entries", after: 0, cursorOf: "sequence")
        return try LedgerFile(serial: serial, entries: entries, checkpoints: checkpoints)
    }

    private init(serial: String, entries: [JSONValue], checkpoints: [JSONValue]) throws {
        self.serial = serial
        self.entries = try entries.map(LedgerEntry.init)
        self.checkpoints = try checkpoints.map(LedgerCheckpoint.init)
        let head = JSONValue.object(["format": .text(Self.format), "serial": .text(serial)])
        text = ([head] + entries + checkpoints).map { $0.line + "\n" }.joined()
    }

    init(text: String) throws {
        let lines = text.split(separator: "\n").map { JSONValue.parse(Array($0.utf8)) ?? .null }
        guard let head = lines.first, head["format"].text == Self.format, let serial = head["serial"].text else {
            throw CommandFailure(.usage, "this is no ledger; make one with 'pbxctl ledger export'")
        }
        let rest = lines.dropFirst()
        guard !rest.contains(.null) else { throw CommandFailure(.usage, "a line of the ledger cannot be read") }
        try self.init(
            serial: serial, entries: rest.filter { $0["signature"] == .null },
            checkpoints: rest.filter { $0["signature"] != .null })
    }
}

extension LedgerEntry {
    /// An entry from the appliance's JSON; throws when something is missing that the hash covers.
    init(_ value: JSONValue) throws {
        guard let sequence = value["sequence"].cursor, let milliseconds = value["timeMilliseconds"].integer,
            let flow = value["flow"].text.flatMap(FlowID.init),
            let recipient = value["recipient"].text.flatMap(Recipient.init),
            let fields = value.first(of: ["fields", "fieldNames"]).list, let bytes = value["bytes"].integer,
            let result = value["result"].text, let hash = value["hash"].text.flatMap({ Hex.decode($0) })
        else {
            throw CommandFailure(
                .general, "ledger entry \(value["sequence"].shown) cannot be read; pbxctl and pbxd differ in version")
        }
        let time = UnixTime(milliseconds: Int64(milliseconds))
        // What people read has to be what the hash covers.
        guard value["time"].text.map({ $0 == time.rfc3339 }) ?? true else {
            throw CommandFailure(.general, "the two times of ledger entry \(sequence) differ; it was changed")
        }
        self.init(
            sequence: sequence, time: time, flow: flow, recipient: recipient,
            fieldNames: fields.compactMap(\.text).map { FieldName($0) }, bytes: Int64(bytes), result: result, hash: hash
        )
    }
}

extension LedgerCheckpoint {
    /// A signature from the appliance's JSON.
    init(_ value: JSONValue) throws {
        guard let sequence = value["sequence"].cursor, let milliseconds = value["timeMilliseconds"].integer,
            let hash = value["hash"].text.flatMap({ Hex.decode($0) }),
            let signature = value["signature"].text.flatMap({ Hex.decode($0) }),
            let chain = value["certificateChain"].text
        else {
            throw CommandFailure(
                .general, "a signature of the ledger cannot be read; pbxctl and pbxd differ in version")
        }
        self.init(
            sequence: sequence, time: UnixTime(milliseconds: Int64(milliseconds)), hash: hash, signature: signature,
            certificateChain: chain)
    }
}
