import CloudCore
import Primitives
import Testing

/// Builds ClientHello messages; only what the relay reads is adjustable.
struct HelloBuilder {
    var serverName: String? = "sabc-1.pbx.relay.example"
    var protocols: [String]? = ["sip/2"]
    var recordSize = 16_384
    var padding = 0

    private func vector(_ size: Int, _ content: [UInt8]) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: content.count >> (8 * (size - 1 - $0))) } + content
    }

    var message: [UInt8] {
        var extensions: [UInt8] = []
        if let serverName { extensions += [0, 0] + vector(2, vector(2, [0] + vector(2, Array(serverName.utf8)))) }
        if let protocols {
            extensions += [0, 16] + vector(2, vector(2, protocols.flatMap { vector(1, Array($0.utf8)) }))
        }
        if padding > 0 { extensions += [0, 21] + vector(2, [UInt8](repeating: 0, count: padding)) }
        let body =
            [3, 3] + [UInt8](repeating: 7, count: 32) + vector(1, []) + vector(2, [0x13, 0x01]) + vector(1, [0])
            + vector(2, extensions)
        return [1] + vector(3, body)
    }

    var bytes: [UInt8] {
        var rest = message[...]
        var records: [UInt8] = []
        while !rest.isEmpty {
            records += [22, 3, 1] + vector(2, Array(rest.prefix(recordSize)))
            rest = rest.dropFirst(recordSize)
        }
        return records
    }
}

@Suite struct ClientHelloTests {
    private let expected = ClientHello(serverName: "sabc-1.pbx.relay.example", applicationProtocols: ["sip/2"])

    @Test(arguments: [16_384, 100, 7, 1])
    func `a hello is read, in whatever records it comes`(recordSize: Int) {
        #expect(ClientHello.parse(HelloBuilder(recordSize: recordSize).bytes) == .complete(expected))
    }

    @Test(arguments: [16_384, 40])
    func `every true beginning of a hello needs more`(recordSize: Int) {
        let bytes = HelloBuilder(recordSize: recordSize).bytes
        for count in 0..<bytes.count { #expect(ClientHello.parse(Array(bytes.prefix(count))) == .needsMore) }
        #expect(ClientHello.parse(bytes + [23, 3, 3, 0, 5]) == .complete(expected))
    }

    @Test func `names are lower-cased, protocols keep their order, both may be absent`() {
        let upper = HelloBuilder(serverName: "SABC-1.PBX.Relay.Example", protocols: ["h2", "http/1.1"])
        let parsed = ClientHello(serverName: expected.serverName, applicationProtocols: ["h2", "http/1.1"])
        #expect(ClientHello.parse(upper.bytes) == .complete(parsed))
        let bare = HelloBuilder(serverName: nil, protocols: nil)
        #expect(ClientHello.parse(bare.bytes) == .complete(ClientHello(serverName: nil, applicationProtocols: [])))
    }

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\n".utf8), Array("REGISTER sip:a SIP/2.0\r\n".utf8), [0], [22, 2],
        [21, 3, 1, 0, 2, 2, 40],
        [22, 3, 1, 0, 4, 2, 0, 0, 0],
    ])
    func `what is not a ClientHello is refused at once`(bytes: [UInt8]) {
        #expect(ClientHello.parse(bytes) == .invalid(.notTLS))
    }

    @Test func `lengths beyond the limit are refused before the bytes arrive`() {
        #expect(ClientHello.parse([22, 3, 1, 0xFF, 0xFF]) == .invalid(.tooLong))
        #expect(ClientHello.parse([22, 3, 1, 0, 4, 1, 1, 0, 0]) == .invalid(.tooLong))
        #expect(ClientHello.parse(HelloBuilder(padding: 16_300).bytes) == .invalid(.tooLong))
        // Single-byte records: five bytes of overhead for each.
        #expect(ClientHello.parse(HelloBuilder(recordSize: 1, padding: 5_000).bytes) == .invalid(.tooLong))
        #expect(ClientHello.parse([22, 3, 1, 0, 0]) == .invalid(.malformed))
    }

    @Test(arguments: [
        HelloBuilder(serverName: ""), HelloBuilder(serverName: "a b"), HelloBuilder(serverName: "ä"),
        HelloBuilder(serverName: String(repeating: "a", count: 256)), HelloBuilder(protocols: []),
        HelloBuilder(protocols: [""]),
    ])
    func `malformed extensions are refused`(builder: HelloBuilder) {
        #expect(ClientHello.parse(builder.bytes) == .invalid(.malformed))
    }

    @Test func `a second server name is refused`() {
        let one = HelloBuilder(serverName: "a.example", protocols: nil).bytes
        // The hello with its one extension twice; lengths mended by hand.
        let extensionBytes = Array(one.suffix(18))
        var bytes = one + extensionBytes
        for index in [4, 8, one.count - 19] { bytes[index] += 18 }
        #expect(ClientHello.parse(bytes) == .invalid(.malformed))
    }

    @Test func `mutated hellos never trap`() {
        var generator = SeededGenerator(seed: 1)
        let valid = HelloBuilder(recordSize: 60).bytes
        for _ in 0..<5_000 {
            var bytes = valid
            for _ in 0..<(1 + generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            _ = ClientHello.parse(Array(bytes.prefix(Int(generator.next() % UInt64(bytes.count + 1)))))
        }
    }
}

@Suite struct ServiceConnectTests {
    private let request = ServiceConnectRequest(service: .control, serial: "abc-1")

    @Test func `a request is read, byte by byte, and the pipe's bytes are left`() {
        let bytes = request.encoded
        for count in 0..<bytes.count { #expect(ServiceConnectRequest.parse(Array(bytes.prefix(count))) == .needsMore) }
        #expect(ServiceConnectRequest.parse(bytes + [22, 3]) == .complete(request, headBytes: bytes.count))
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n\r\n", "CONNECT x HTTP/1.1\r\n\r\n",
        "CONNECT control.sabc.pbx.relay.example:80 HTTP/1.1\r\n\r\n",
        "CONNECT ssh.sabc.pbx.relay.example:443 HTTP/1.1\r\n\r\n",
        "CONNECT control.sabc.pbx.relay.example:443 HTTP/1.0\r\n\r\n",
        "CONNECT control.sabc.pbx.other.example:443 HTTP/1.1\r\n\r\n", "CONNECT  HTTP/1.1\r\n\r\n",
    ])
    func `anything else is refused`(text: String) {
        #expect(ServiceConnectRequest.parse(Array(text.utf8)) == .invalid)
    }

    @Test func `an endless request is refused`() {
        let head = Array("CONNECT ".utf8)
        let filler = [UInt8](repeating: 65, count: ServiceConnectRequest.maximumBytes - head.count)
        #expect(ServiceConnectRequest.parse(head + filler.dropLast()) == .needsMore)
        #expect(ServiceConnectRequest.parse(head + filler) == .invalid)
    }
}
