import Glibc
import Primitives
import Synchronization

/// A name server on loopback, UDP and TCP on one port, that does with a query what the test says.
final class FakeNameServer: Sendable {
    enum Reply: Sendable {
        /// The header's id and the question are put before it.
        case answer(flags: UInt16, answers: UInt16, authorities: UInt16 = 0, [UInt8])
        /// As it is, whatever it is.
        case raw([UInt8])
        case silence
    }

    struct Question: Sendable, Equatable {
        let name: String
        let type: UInt16
        let isTCP: Bool
    }

    let endpoint: Endpoint
    private let datagrams: Int32
    private let listener: Int32
    private let stop: (reader: Int32, writer: Int32)
    private let answer: @Sendable (Question) -> Reply
    private let questions = Mutex<[Question]>([])
    private let thread = Mutex<pthread_t?>(nil)

    var asked: [Question] { questions.withLock { $0 } }

    init(_ answer: @escaping @Sendable (Question) -> Reply) throws {
        self.answer = answer
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        // A port that is free for both.
        var udp: Int32 = -1
        var tcp: Int32 = -1
        for _ in 0..<20 {
            address.sin_port = 0
            udp = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.bind(udp, &address), Self.bind(tcp, &address), listen(tcp, 4) == 0 else {
                close(udp)
                close(tcp)
                udp = -1
                continue
            }
            break
        }
        guard udp >= 0 else { throw Failure() }
        (datagrams, listener) = (udp, tcp)
        endpoint = Endpoint(address: .loopbackV4, port: UInt16(bigEndian: address.sin_port))
        var pipes: [Int32] = [0, 0]
        guard pipe(&pipes) == 0 else { throw Failure() }
        stop = (pipes[0], pipes[1])
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<FakeNameServer>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        let started = thread
        self.thread.withLock { $0 = started }
    }

    struct Failure: Error {}

    func shutdown() {
        close(stop.writer)
        if let thread = thread.withLock({ $0 }) { pthread_join(thread, nil) }
        for descriptor in [datagrams, listener, stop.reader] { close(descriptor) }
    }

    /// Binds, and puts the port that the socket has into `address`.
    private static func bind(_ descriptor: Int32, _ address: inout sockaddr_in) -> Bool {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                var size = socklen_t(MemoryLayout<sockaddr_in>.size)
                return Glibc.bind(descriptor, generic, size) == 0 && getsockname(descriptor, generic, &size) == 0
            }
        }
    }

    private func run() {
        var polled = [stop.reader, datagrams, listener].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while poll(&polled, nfds_t(polled.count), -1) >= 0 {
            if polled[0].revents != 0 { return }
            if polled[1].revents != 0 { serveDatagram() }
            if polled[2].revents != 0 { serveStream() }
        }
    }

    private func serveDatagram() {
        var buffer = [UInt8](repeating: 0, count: 2048)
        var source = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &source) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let count = recvfrom(datagrams, &buffer, buffer.count, 0, generic, &size)
                guard count > 0, let bytes = reply(to: Array(buffer.prefix(count)), isTCP: false) else { return }
                _ = sendto(datagrams, bytes, bytes.count, 0, generic, size)
            }
        }
    }

    /// One connection, one query.
    private func serveStream() {
        let peer = accept(listener, nil, nil)
        defer { close(peer) }
        guard let head = read(peer, 2), let query = read(peer, Int(head[0]) << 8 | Int(head[1])),
            let bytes = reply(to: query, isTCP: true)
        else { return }
        let framed = [UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
        _ = send(peer, framed, framed.count, Int32(MSG_NOSIGNAL))
        _ = read(peer, 1)  // until the other side closes
    }

    private func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
        var result: [UInt8] = []
        while result.count < count {
            var byte: UInt8 = 0
            guard recv(descriptor, &byte, 1, 0) == 1 else { return nil }
            result.append(byte)
        }
        return result
    }

    private func reply(to query: [UInt8], isTCP: Bool) -> [UInt8]? {
        guard query.count > 16 else { return nil }
        var labels: [String] = []
        var index = 12
        while query[index] != 0 {
            labels.append(String(decoding: query[index + 1...index + Int(query[index])], as: UTF8.self))
            index += 1 + Int(query[index])
        }
        let type = UInt16(query[index + 1]) << 8 | UInt16(query[index + 2])
        let question = Question(name: labels.joined(separator: "."), type: type, isTCP: isTCP)
        questions.withLock { $0.append(question) }
        switch answer(question) {
        case .silence: return nil
        case .raw(let bytes): return Array(query[0..<2]) + bytes
        case .answer(let flags, let answers, let authorities, let records):
            let counts = [1, answers, authorities, 0].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            return Array(query[0..<2]) + [UInt8(flags >> 8), UInt8(flags & 0xFF)] + counts + query[12..<index + 5]
                + records
        }
    }
}
