import ArgumentParser
import Glibc
import NIOCore
import NIOPosix
import Vectors

/// What a new firmware must pass before its slot is confirmed: the database is open (the status comes from it), SIP answers,
/// and the registrar asks a stranger for a password.
struct SelfTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test", abstract: "Check that the appliance does its work; status 0 only if it does.")

    @OptionGroup var remote: RemoteOptions
    @Option(help: "The port of its SIP listener over UDP, on this machine.") var sipPort: UInt16 = 5060
    @Option(help: "How many seconds to wait for each answer.") var patience = 20

    func run() async throws {
        try await report {
            let status = JSONValue.parse(try await remote.client.send(.get, "/v1/status")) ?? .null
            guard status["serial"].text != nil else { throw CommandFailure(.general, "the status names no serial") }
            print("database: open, \(status["users"].shown) users")
            let options = try await answer(to: "OPTIONS")
            guard options == 200 else { throw CommandFailure(.general, "OPTIONS was answered with \(options)") }
            print("SIP: OPTIONS answered with 200")
            let register = try await answer(to: "REGISTER")
            guard register == 401 || register == 403 || register == 404 else {
                throw CommandFailure(.general, "a stranger's REGISTER was answered with \(register)")
            }
            print("registrar: a stranger's REGISTER answered with \(register)")
        }
    }

    /// The status of the first answer to a request that is sent each second.
    private func answer(to method: String) async throws -> Int {
        let channel = try await DatagramBootstrap(group: ApplianceClient.eventLoop)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<AddressedEnvelope<ByteBuffer>, AddressedEnvelope<ByteBuffer>>(
                        wrappingChannelSynchronously: channel)
                }
            }
        let server = try SocketAddress(ipAddress: "127.0.0.1", port: Int(sipPort))
        let port = channel.channel.localAddress?.port ?? 0
        let request = Self.request(method, port: port)
        let patience = patience
        return try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                group.addTask {
                    for try await envelope in inbound {
                        let line = String(buffer: envelope.data).prefix { $0 != "\r\n" }.split(separator: " ")
                        if line.count > 1, line[0] == "SIP/2.0", let status = Int(line[1]) { return status }
                    }
                    return nil
                }
                group.addTask {
                    for _ in 0..<patience {
                        try await outbound.write(
                            AddressedEnvelope(remoteAddress: server, data: ByteBuffer(string: request)))
                        try await Task.sleep(for: .seconds(1))
                    }
                    return nil
                }
                let first = try await group.next() ?? nil
                group.cancelAll()
                guard let first else {
                    throw CommandFailure(.unavailable, "no answer to \(method) on port \(sipPort) in \(patience) s")
                }
                return first
            }
        }
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
