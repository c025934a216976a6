import ArgumentParser
import Glibc
import OpenSSLCrypto
import Primitives
import Vectors

/// What a new firmware must pass before its slot is confirmed: the database is open (the status comes from it), SIP answers,
/// the registrar asks a stranger for a password, and a call through the appliance's own media comes back.
struct SelfTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test", abstract: "Check that the appliance does its work; status 0 only if it does.")

    @OptionGroup var remote: RemoteOptions
    @Option(help: "The port of its SIP listener over UDP, on this machine.") var sipPort: UInt16 = 5060
    @Option(
        help: ArgumentHelp(
            "The password that 'pbxd --self-test' was started with: the appliance calls its own echo.",
            valueName: "file"))
    var passwordFile: String?
    @Option(help: "How many seconds to wait for each answer.") var patience = 20

    func run() async throws {
        try await report {
            let status = JSONValue.parse(try await remote.client.send(.get, "/v1/status")) ?? .null
            guard status["serial"].text != nil else { throw CommandFailure(.general, "the status names no serial") }
            print("database: open, \(status["users"].shown) users")
            let options = try answer(to: "OPTIONS")
            guard options == 200 else { throw CommandFailure(.general, "OPTIONS was answered with \(options)") }
            print("SIP: OPTIONS answered with 200")
            let register = try answer(to: "REGISTER")
            guard register == 401 || register == 403 || register == 404 else {
                throw CommandFailure(.general, "a stranger's REGISTER was answered with \(register)")
            }
            print("registrar: a stranger's REGISTER answered with \(register)")
            guard let passwordFile else { return }
            var call = try SelfTestCall(password: try password(passwordFile), sipPort: sipPort, patience: patience)
            let heard = try call.perform()
            print("call: \(heard.back) of \(heard.of) packets came back from the echo")
        }
    }

    /// The status of the first answer to a request that is sent each second.
    private func answer(to method: String) throws(CommandFailure) -> Int {
        let socket = try LoopbackSocket()
        let request = Array(Self.request(method, port: Int(socket.port)).utf8)
        for _ in 0..<patience {
            socket.send(request, to: sipPort)
            guard let bytes = socket.receive(within: 1_000) else { continue }
            let line = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\r\n" }.split(separator: " ")
            if line.count > 1, line[0] == "SIP/2.0", let status = Int(line[1]) { return status }
        }
        throw CommandFailure(.unavailable, "no answer to \(method) on port \(sipPort) in \(patience) s")
    }

    private func password(_ path: String) throws -> Secret {
        Secret(try PrivateFile.read(path, limit: 200).filter { $0 > 0x20 && $0 < 0x7F })
    }

    private static func request(_ method: String, port: Int) -> String {
        let own = "sip:self-test@127.0.0.1:\(port)"
        let to = method == "REGISTER" ? "sip:self-test@pbx.example" : "sip:127.0.0.1"
        let branch = "z9hG4bK-self-test-\(getpid())-\(method)"
        return [
            "\(method) sip:pbx.example SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1:\(port);branch=\(branch);rport",
            "Max-Forwards: 70", "From: <sip:self-test@pbx.example>;tag=\(port)", "To: <\(to)>",
            "Call-ID: \(branch)@127.0.0.1", "CSeq: 1 \(method)", "Contact: <\(own)>", "Content-Length: 0", "", "",
        ].joined(separator: "\r\n")
    }
}
