import ArgumentParser
import CloudMessages
import Glibc
import Primitives
import VendorCloud

/// `vendorcloud publish`: what the vendor does with a new firmware, with the key that no server has.
struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Put a bundle where the update server serves it, and sign its manifest. Repeat it to widen the roll-out.")

    @Option(help: "Directory of the development PKI, with the key of 'update-signer'.")
    var pki: String
    @Option(help: "The server's directory.")
    var data: String
    @Option(help: "The board that the bundle is for.")
    var board = "process"
    @Option(help: "Dotted numbers.")
    var version: String
    @Option(help: "The bundle.")
    var bundle: String
    @Option(help: "What is new, for the owner.")
    var notes = ""
    @Option(help: "How many of a hundred installations may take it.")
    var percent = 100
    @Option(help: "For so many seconds the manifest says something; after that it is no use.")
    var lifetime: Int64 = 90 * 86_400

    func validate() throws {
        guard (0...100).contains(percent) else { throw ValidationError("--percent is 0 to 100") }
    }

    func run() async throws {
        do {
            guard let file = fopen(bundle, "r") else { throw ValidationError("cannot read \(bundle)") }
            defer { fclose(file) }
            var bytes: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 1 << 20)
            while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[..<count] }
            let manifest = try UpdatePublisher(pkiDirectory: pki, dataDirectory: data).publish(
                bundle: bytes, version: version, board: board, notes: notes, rolloutPercent: percent,
                at: UnixTime(seconds: Int64(time(nil))), lifetime: .seconds(lifetime))
            print(
                "\(manifest.version) for \(manifest.board): \(manifest.sizeBytes) bytes, to \(manifest.rolloutPercent) of 100"
            )
        } catch {
            FileHandleOutput.standardError("vendorcloud: \(error)\n")
            throw ExitCode.failure
        }
    }
}
