import ArgumentParser
import FoundationEssentials
import NIOPosix
import Softphone

struct Provision: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch the provisioning file through the relay.")

    @OptionGroup var relay: RelayOptions
    @Option(help: "The token that the administrator gave out.") var token: String
    @Option(help: "Where to write the file (owner-only permissions); standard output when absent.") var out: String?

    func run() async throws {
        let file = try await ProvisioningClient.fetch(
            token: token, relay: try relay.requiredEndpoint, serverName: try relay.requiredServerName,
            tls: try relay.configuration(alpn: "http/1.1"), group: MultiThreadedEventLoopGroup.singleton)
        _ = try AccountFile(xml: file)
        guard let out else {
            print(String(decoding: file, as: UTF8.self))
            return
        }
        let created = FileManager.default.createFile(
            atPath: out, contents: Data(file), attributes: [.posixPermissions: 0o600])
        guard created else { throw ValidationError("cannot write \(out)") }
        print("provisioning file written to \(out)")
    }
}
