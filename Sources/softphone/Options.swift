import ArgumentParser
import FoundationEssentials
import Media
import NIOSSL
import Primitives
import SIPTransaction
import Softphone
import SoftphoneCore
import TLS

/// The way through the relay.
struct RelayOptions: ParsableArguments {
    @Option(help: "The relay's public address, ADDRESS:PORT.") var relay: String?
    @Option(help: "The appliance's name at the relay, s<serial>.pbx.relay.example.") var serverName: String?
    @Option(help: "PEM file with the certificate authority that the appliance's certificate chains to.") var ca: String?

    var requiredEndpoint: Endpoint {
        get throws {
            guard let relay, let endpoint = Endpoint(relay) else { throw ValidationError("--relay wants ADDRESS:PORT") }
            return endpoint
        }
    }

    var requiredServerName: String {
        get throws {
            guard let serverName else { throw ValidationError("--server-name is missing") }
            return serverName
        }
    }

    func configuration(alpn: String) throws -> TLSConfiguration {
        guard let ca else { throw ValidationError("--ca is missing") }
        guard let pem = try? String(contentsOfFile: ca, encoding: .utf8) else {
            throw ValidationError("cannot read \(ca)")
        }
        return try TLSConfigurations.client(identity: nil, rootPEM: pem, alpn: [alpn])
    }
}

/// Who the softphone is and what it sends.
struct PhoneOptions: ParsableArguments {
    @OptionGroup var relay: RelayOptions
    @Option(help: "A provisioning file; replaces --user, --password-file and --domain.") var account: String?
    @Option(help: "The appliance's SIP address, ADDRESS:PORT; not with --relay.") var server: String?
    @Option(help: "udp, tcp or tls.") var transport = "udp"
    @Option(help: "Extension.") var user: String?
    @Option(help: "A file whose first line is the password.") var passwordFile: String?
    @Option(help: "Host part of the address of record.") var domain = "pbx.example"
    @Option(help: "opus, g722, pcma or pcmu; several separated by commas, preferred first.")
    var codec = "opus,g722,pcma,pcmu"
    @Option(help: "Packet time in milliseconds, 10 to 60.") var ptime = 20
    @Option(help: "Send a tone of so many hertz.") var tone: Double?
    @Option(help: "Play this WAV file first (16-bit PCM or G.711; 8, 16 or 48 kHz).") var wav: String?
    @Option(help: "Record what is heard to this WAV file.") var record: String?
    @Option(help: "The local address for media.") var address = "127.0.0.1"
    @Flag(help: "One JSON object per event.") var json = false

    func makeAccount(answersAfter: Duration?) throws -> SoftphoneAccount {
        let codecs = try codec.split(separator: ",").map { name in
            guard let codec = AudioCodec.allCases.first(where: { $0.rawValue.lowercased() == name.lowercased() }) else {
                throw ValidationError("'\(name)' is no codec: opus, g722, pcma, pcmu")
            }
            return codec
        }
        guard (10...60).contains(ptime), !codecs.isEmpty else { throw ValidationError("--ptime is 10 to 60") }
        var account: SoftphoneAccount
        if let path = self.account {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw ValidationError("cannot read \(path)")
            }
            let file = try AccountFile(xml: [UInt8](data))
            account = SoftphoneAccount(
                user: file.user, displayName: file.name, password: file.password, domain: file.domain, codecs: codecs)
        } else {
            guard let user, let passwordFile else { throw ValidationError("--user and --password-file, or --account") }
            guard let text = try? String(contentsOfFile: passwordFile, encoding: .utf8) else {
                throw ValidationError("cannot read \(passwordFile)")
            }
            let password = String(text.prefix { $0 != "\n" && $0 != "\r\n" })
            account = SoftphoneAccount(
                user: user, displayName: user, password: Secret(password), domain: domain, codecs: codecs)
        }
        account.ptime = .milliseconds(ptime)
        account.answersAfter = answersAfter
        return account
    }

    func makeRunnerOptions() throws -> SoftphoneRunner.Options {
        guard let address = IPAddress(address) else { throw ValidationError("--address wants an IP address") }
        var options = SoftphoneRunner.Options(mediaAddress: address)
        options.toneHertz = tone
        options.records = record != nil
        if let wav { options.script = try WAVFile.read(wav) }
        return options
    }

    /// Registers over the relay when there is one, directly otherwise.
    func connect(_ runner: SoftphoneRunner) async throws {
        guard relay.relay == nil else {
            let context = try TLSConfigurations.context(relay.configuration(alpn: "sip/2"))
            return try await runner.connect(
                .tls, to: relay.requiredEndpoint, tls: context, serverName: relay.requiredServerName)
        }
        guard let server, let endpoint = Endpoint(server) else { throw ValidationError("--server wants ADDRESS:PORT") }
        switch transport.lowercased() {
        case "udp": try await runner.connect(.udp, to: endpoint)
        case "tcp": try await runner.connect(.tcp, to: endpoint)
        case "tls":
            let context = try TLSConfigurations.context(relay.configuration(alpn: "sip/2"))
            try await runner.connect(.tls, to: endpoint, tls: context, serverName: relay.serverName)
        default: throw ValidationError("--transport is udp, tcp or tls")
        }
    }
}
