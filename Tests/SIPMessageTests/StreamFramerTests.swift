import Primitives
import SIPMessage
import Testing

@Suite struct StreamFramerTests {
    private let one = message(extra: "Content-Length: 3\r\n", body: "abc")

    private func frames(_ framer: inout SIPStreamFramer) throws -> [SIPStreamFramer.Frame] {
        var list: [SIPStreamFramer.Frame] = []
        while let frame = try framer.next() { list.append(frame) }
        return list
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1_000]) func `messages and pings come out whole, however the bytes arrive`(
        chunk: Int
    ) throws {
        let ping = Array("\r\n\r\n".utf8)
        let stream = one + one + ping + message(extra: "l\t:\r\n 0\r\n") + ping
        var framer = SIPStreamFramer(limits: Limits())
        var list: [SIPStreamFramer.Frame] = []
        var index = 0
        while index < stream.count {
            framer.append(stream[index..<min(index + chunk, stream.count)])
            index += chunk
            list += try frames(&framer)
        }
        let expected: [SIPStreamFramer.Frame] = [
            .message(one), .message(one), .ping, .message(message(extra: "l\t:\r\n 0\r\n")), .ping,
        ]
        #expect(list.filter { $0 != .pong } == expected)
        #expect(framer.bufferedBytes == 0)
        for case .message(let bytes) in list { _ = try SIPParser.parse(bytes, framing: .stream) }
    }

    @Test func `a line break alone is a pong, two are a ping`() throws {
        var framer = SIPStreamFramer()
        framer.append(Array("\r\n".utf8))
        #expect(try frames(&framer) == [.pong])
        framer.append(Array("\r\n\r\n".utf8))
        #expect(try frames(&framer) == [.ping])
        framer.append(Array("\r\n".utf8))
        #expect(try frames(&framer) == [.pong])
        framer.append(Array("\r".utf8))
        #expect(try frames(&framer) == [])
        framer.append(Array("\n".utf8))
        #expect(try frames(&framer) == [.ping])
        framer.append(Array("\r\n".utf8) + one)
        #expect(try frames(&framer) == [.pong, .message(one)])
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", SIPParseError.notSIP), ("\u{16}\u{03}\u{01}", .notSIP),
        ("EHLO x\r\n", .notSIP),
    ])
    func `garbage ends the stream, and stays the end`(text: String, error: SIPParseError) {
        var framer = SIPStreamFramer()
        framer.append(Array(text.utf8))
        #expect(throws: error) { try framer.next() }
        framer.append(one)
        #expect(throws: error) { try framer.next() }
        #expect(framer.bufferedBytes == 0)
    }

    @Test(arguments: [
        ("", SIPParseError.missingContentLength, 400), ("l: 1\r\nl: 2\r\n", .conflictingContentLength, 400),
        ("l: 40000\r\n", .bodyTooLong(bytes: 40_000, limit: 32_768), 413),
        ("l: x\r\n", .invalidContentLength("x"), 400),
    ])
    func `a message without a usable length can be answered before the stream ends`(
        extra: String, error: SIPParseError, status: Int
    ) throws {
        var framer = SIPStreamFramer()
        framer.append(one + message(extra: extra, body: "abc"))
        #expect(try framer.next() == .message(one))
        #expect(!framer.awaitsAnswer)
        #expect(try framer.next() == .message(message(extra: extra)))
        #expect(framer.awaitsAnswer)
        #expect(throws: error) { try SIPParser.parse(message(extra: extra), framing: .stream) }
        #expect(SIPParser.rejection(of: message(extra: extra), because: error)?.status == status)
        for _ in 1...2 { #expect(throws: error) { try framer.next() } }
        framer.append(one)
        #expect(throws: error) { try framer.next() }
        #expect(framer.bufferedBytes == 0)
    }

    @Test func `a start line or header section that never ends is refused`() {
        var limits = Limits()
        limits.sipStartLineBytes = 100
        limits.sipMessageBytes = 1_000
        var framer = SIPStreamFramer(limits: limits)
        framer.append([UInt8](repeating: UInt8(ascii: "a"), count: 101))
        #expect(throws: SIPParseError.startLineTooLong(bytes: 101, limit: 100)) { try framer.next() }
        framer = SIPStreamFramer(limits: limits)
        framer.append(Array("OPTIONS sip:a SIP/2.0\r\nX: ".utf8) + [UInt8](repeating: UInt8(ascii: "a"), count: 990))
        #expect(throws: SIPParseError.messageTooLong(bytes: 1_016, limit: 1_000)) { try framer.next() }
    }

    @Test func `the buffer is bounded`() {
        var limits = Limits()
        limits.sipMessageBytes = 100
        var framer = SIPStreamFramer(limits: limits)
        framer.append([UInt8](repeating: 0x61, count: 201))
        #expect(framer.bufferedBytes == 0)
        #expect(throws: SIPParseError.messageTooLong(bytes: 201, limit: 200)) { try framer.next() }
    }

    @Test func `a malformed field is left to the parser, which can answer it`() throws {
        let bytes = message(extra: "broken\r\nContent-Length: 0\r\n")
        var framer = SIPStreamFramer()
        framer.append(bytes)
        #expect(try framer.next() == .message(bytes))
    }
}
