import ArgumentParser
import CloudMessages
import HAL
import HALLinux
import OpenSSLCrypto
import Primitives

struct PKI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pki", abstract: "Certificates for development and for the factory.", subcommands: [Dev.self])

    struct Dev: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a vendor PKI: root, issuing CA, and the certificates of the vendor's servers.")

        @Option(help: "Where to write it.")
        var dir: String
        @Flag(help: "Replace a PKI that is there; what it has issued is worthless then.")
        var force = false

        func run() async throws {
            try await report {
                let pki = try DevelopmentPKI.create(directory: dir, at: SystemClock().wallTime(), force: force)
                print("Made a PKI in \(dir): \(pki.root.subject), valid until \(pki.root.notAfter.rfc3339).")
            }
        }
    }
}

struct Factory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "factory", abstract: "What the factory does to a board once.", subcommands: [Init.self])

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init", abstract: "Give a board its key, certificate and vendor root.")

        @Option(help: "The board's directory (that of pbxd's --data for a local process).")
        var hal: String
        @Option(help: "Serial number: 1 to 32 of A-Z a-z 0-9 -.")
        var serial: String
        @Option(help: "Model: 1 to 31 of A-Z a-z 0-9 - _ .")
        var model: String
        @Option(help: "Directory of the PKI ('pbxctl pki dev').")
        var pki: String
        @Flag(
            help:
                "Make a code for the type plate too, with which the owner sets the first password; it is printed once.")
        var label = false
        @Option(
            help: "A key that the board's TPM has made (PEM, 'TSS2 PRIVATE KEY'): it is written instead of a new one.")
        var tpmKey: String?
        @Option(help: "The public half of --tpm-key (PEM, 'PUBLIC KEY').")
        var tpmPublicKey: String?
        @Flag(help: "Replace the key of a board that has one; it is lost for good.")
        var force = false

        func run() async throws {
            try await report {
                var entropy = SystemEntropy().makeEntropy()
                let code = label ? LabelCode(from: &entropy) : nil
                try FactoryProvisioning.initialise(
                    halDirectory: hal, pkiDirectory: pki, serial: serial, model: model,
                    dnsNames: [RelayName.serverName(serial: serial)], at: SystemClock().wallTime(), labelCode: code,
                    tpmKey: try keyOfTPM(), force: force)
                print("Board \(serial) (\(model)) is provisioned in \(hal).")
                if let code { print("Label code: \(code.formatted)") }
            }
        }

        /// Only the board's TPM can read its key; what the certificate needs is the public half.
        private func keyOfTPM() throws -> (pem: Secret, publicKey: ECDSAPublicKey)? {
            guard let tpmKey, let tpmPublicKey else {
                guard tpmKey == nil, tpmPublicKey == nil else {
                    throw CommandFailure(.usage, "--tpm-key and --tpm-public-key go together")
                }
                return nil
            }
            let text = String(decoding: try PrivateFile.read(tpmPublicKey, limit: 65_536), as: UTF8.self)
            guard let block = try PEM.blocks(in: text).first(where: { $0.label == "PUBLIC KEY" }) else {
                throw CommandFailure(.usage, "\(tpmPublicKey) holds no PUBLIC KEY")
            }
            return (Secret(try PrivateFile.read(tpmKey, limit: 65_536)), try ECDSAPublicKey(der: block.bytes))
        }
    }
}
