import NIOCore
import NIOEmbedded
import Primitives
import SIPTransaction
import Testing
import Transport

/// How long a stream may take for what, in virtual time.
struct StreamTimeTests {
    /// A connection that was opened to us, on a loop whose time the test advances.
    private final class Stream {
        let channel: EmbeddedChannel
        let events = Inbox()
        let transport: SIPTransport
        let flow: SIPFlow

        init(limits: Limits = Limits()) throws {
            let loop = EmbeddedEventLoop()
            channel = EmbeddedChannel(loop: loop)
            let events = events
            transport = SIPTransport(eventLoop: loop, limits: limits) { events.put($0) }
            let (local, remote) = (Endpoint("192.0.2.1:5061"), Endpoint("198.51.100.7:40000"))
            flow = try transport.adopt(channel, local: try #require(local), remote: try #require(remote))
            try channel.connect(to: try SocketAddress(ipAddress: "198.51.100.7", port: 40_000)).wait()
        }

        func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }
        func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
    }

    private static let message = String(decoding: TransportTests.options, as: UTF8.self)

    @Test(arguments: ["", "O", "\r", "\r\n\r\n", "OPTIONS sip:pbx.example SIP/2.0\r\n"])
    func `a connection that brings no message in time is closed`(text: String) throws {
        let stream = try Stream()
        if !text.isEmpty { try stream.receive(text) }
        stream.wait(31)
        #expect(stream.events.nextIfAny() == nil && stream.channel.isActive)
        stream.wait(1)
        #expect(stream.events.nextIfAny() == .counted(.silentConnection))
        #expect(stream.events.nextIfAny() == .closed(stream.flow))
    }

    @Test func `half a message cannot be held open, byte by byte`() throws {
        let stream = try Stream()
        try stream.receive(Self.message)
        #expect(stream.events.nextIfAny() == .message(TransportTests.options, stream.flow))
        stream.wait(100)
        for byte in Self.message.prefix(32) {
            #expect(stream.events.nextIfAny() == nil)
            try stream.receive(String(byte))
            stream.wait(1)
        }
        #expect(stream.events.nextIfAny() == .counted(.slowMessage))
        #expect(stream.events.nextIfAny() == .closed(stream.flow))
    }

    @Test func `every message has its own time`() throws {
        let stream = try Stream()
        let half = Self.message.count / 2
        for _ in 0..<5 {
            try stream.receive(String(Self.message.prefix(half)))
            stream.wait(31)
            try stream.receive(String(Self.message.dropFirst(half)))
            #expect(stream.events.nextIfAny() == .message(TransportTests.options, stream.flow))
        }
        // The second half of one, and the first of the next, in one read.
        try stream.receive(String(Self.message.prefix(half)))
        stream.wait(31)
        try stream.receive(String(Self.message.dropFirst(half) + Self.message.prefix(half)))
        #expect(stream.events.nextIfAny() == .message(TransportTests.options, stream.flow))
        stream.wait(31)
        try stream.receive(String(Self.message.dropFirst(half)))
        #expect(stream.events.nextIfAny() == .message(TransportTests.options, stream.flow))
        stream.wait(800)
        #expect(stream.events.nextIfAny() == nil && stream.channel.isActive)
    }

    @Test func `half a ping ends as half a message does, a whole one in two pieces does not`() throws {
        let stream = try Stream()
        try stream.receive(Self.message)
        _ = stream.events.nextIfAny()
        try stream.receive("\r")
        stream.wait(31)
        try stream.receive("\n\r\n")
        #expect(try stream.channel.readOutbound(as: ByteBuffer.self) == ByteBuffer(string: "\r\n"))
        stream.wait(31)
        #expect(stream.events.nextIfAny() == nil)
        try stream.receive("\r")
        stream.wait(32)
        #expect(stream.events.nextIfAny() == .counted(.slowMessage))
    }
}
