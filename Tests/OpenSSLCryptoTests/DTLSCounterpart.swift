import CSockets
import Glibc
import OpenSSLCrypto
import Primitives
import RTP

/// A program with pipes on its standard input and output; it ends with this object.
final class PipedProgram {
    private let child: pid_t
    private let input: Int32
    let output: Int32
    private(set) var text = ""

    init(_ arguments: [String]) throws {
        var (toChild, fromChild): ([Int32], [Int32]) = ([0, 0], [0, 0])
        guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else {
            throw FileFailure(path: arguments[0], operation: "make pipes for", code: errno)
        }
        for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 2)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, arguments[0], &actions, nil, &pointers, environ)
        close(toChild[0])
        close(fromChild[1])
        self.child = child
        input = toChild[1]
        output = fromChild[0]
        guard result == 0 else { throw FileFailure(path: arguments[0], operation: "run", code: result) }
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
    }

    deinit {
        close(input)
        close(output)
        guard child > 0 else { return }
        kill(child, SIGTERM)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    /// Takes what it has written; false at its end.
    func readOutput() -> Bool {
        var bytes = [UInt8](repeating: 0, count: 8_192)
        while true {
            let count = read(output, &bytes, bytes.count)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            text += String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }

    /// Waits until it has written `mark`.
    func waits(for mark: String, milliseconds: Int64 = 10_000) -> Bool {
        let end = csockets_monotonic() + milliseconds * 1_000_000
        while !text.contains(mark), csockets_monotonic() < end {
            _ = csockets_poll2(output, -1, 100)
            guard readOutput() else { break }
        }
        return text.contains(mark)
    }
}

/// A real UDP socket on the loopback network, in real time.
final class LoopbackSocket {
    let port: UInt16
    let descriptor: Int32
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    private let host: UInt64
    /// Where the last datagram came from.
    private(set) var peer: csockets_address?

    init?(host: UInt32) {
        self.host = 0x7F00_0000 | UInt64(host)
        var local = csockets_address(high: 0, low: self.host, port: 0, isV6: 0)
        descriptor = csockets_udp(&local, 0)
        guard descriptor >= 0, let incoming = csockets_batch_create(8, 2_000),
            let outgoing = csockets_batch_create(1, 0)
        else { return nil }
        self.incoming = incoming
        self.outgoing = outgoing
        port = UInt16(csockets_local_port(descriptor))
    }

    deinit {
        csockets_close(descriptor)
        csockets_batch_destroy(incoming)
        csockets_batch_destroy(outgoing)
    }

    func send(_ bytes: [UInt8], to port: UInt16?) {
        guard var destination = port.map({ csockets_address(high: 0, low: host, port: $0, isV6: 0) }) ?? peer else {
            return
        }
        bytes.withUnsafeBytes { datagram in
            csockets_set(outgoing, 0, datagram.baseAddress, datagram.count, &destination)
            _ = csockets_send(descriptor, outgoing, 0, 1)
        }
    }

    func receive() -> [[UInt8]] {
        let count = csockets_receive(descriptor, incoming)
        return (0..<max(0, count)).map { index in
            var source = csockets_address()
            if csockets_received_source(incoming, index, &source) == 0 { peer = source }
            return Array(
                UnsafeRawBufferPointer(
                    start: csockets_received_bytes(incoming, index), count: csockets_received_size(incoming, index)))
        }
    }
}

/// One of our associations against `openssl s_client` or `s_server`.
final class DTLSCounterpart {
    let program: PipedProgram
    private let socket: LoopbackSocket
    private let association: any KeyAgreement
    private let port: UInt16?
    private(set) var outcomes: [KeyAgreementEffect] = []

    /// `port`: where it listens; nil when it comes to us.
    init(_ program: PipedProgram, _ socket: LoopbackSocket, _ association: any KeyAgreement, port: UInt16?) {
        self.program = program
        self.socket = socket
        self.association = association
        self.port = port
    }

    private static var now: Instant { Instant(nanoseconds: csockets_monotonic()) }

    func put(_ input: KeyAgreementInput) {
        for effect in association.handle(input, at: Self.now) {
            if case .transmit(let bytes) = effect { socket.send(bytes, to: port) } else { outcomes.append(effect) }
        }
    }

    /// Runs until `isDone`; false after `milliseconds`.
    func run(milliseconds: Int64 = 10_000, until isDone: (DTLSCounterpart) -> Bool) -> Bool {
        let end = Self.now + .milliseconds(milliseconds)
        while !isDone(self) {
            guard Self.now < end else { return false }
            let due = min(association.nextDeadline ?? end, end)
            let wait = Int32(clamping: max(0, (due - Self.now).wholeMilliseconds + 1))
            _ = csockets_poll2(socket.descriptor, program.output, min(wait, 50))
            for bytes in socket.receive() { put(.datagram(bytes)) }
            if let due = association.nextDeadline, due <= Self.now { put(.deadline) }
            _ = program.readOutput()
        }
        return true
    }

    /// What it says it has exported; nil before.
    var exported: [UInt8]? {
        guard
            let line = program.text.split(whereSeparator: \.isNewline).first(where: { $0.contains("Keying material: ") }
            )
        else { return nil }
        return Hex.decode(line.split(separator: " ").last ?? "")
    }
}
