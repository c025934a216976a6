import Media
import Primitives
import RTP
import Testing

/// One-way audio: who is not heard, and why.
@Suite struct AudioPathTests {
    private let voice = [UInt8](repeating: 0x55, count: 160)
    private static let id = MediaSessionID(1)

    private func relaying(_ codec: AudioCodec = .pcmu, to sink: AudioCodec = .pcmu) throws -> SessionHarness {
        var harness = SessionHarness(codecs: PretendedOpus())
        try harness.configure(.a, codec)
        try harness.configure(.b, sink)
        return harness
    }

    /// Speaks for a second on a side.
    private func speak(
        _ harness: inout SessionHarness, _ side: MediaSide, type: UInt8 = 0, payload: [UInt8]? = nil,
        from source: Endpoint? = nil
    ) {
        let first = Int((harness.now - .origin).wholeMilliseconds) / 20
        for index in 0..<50 {
            let sequence = first + index
            _ = harness.receive(
                payload ?? voice, type: type, sequence: sequence, timestamp: sequence * 160, on: side, from: source)
        }
    }

    @Test func `the side that sends nothing is named, once`() throws {
        var harness = try relaying()
        let told = harness.watch(seconds: 60) { speak(&$0, .a) }
        #expect(told == [.audioPath(Self.id, .b, .absent(.noPackets))])
    }

    @Test func `speech ends it, a single packet does not`() throws {
        var harness = try relaying()
        var told = harness.watch(seconds: 6) { speak(&$0, .a) }
        #expect(told.count == 1)
        told = harness.watch(seconds: 10) {
            speak(&$0, .a)
            _ = $0.receive(voice, sequence: Int(($0.now - .origin).wholeMilliseconds), timestamp: 0, on: .b)
        }
        #expect(told.isEmpty)
        told = harness.watch(seconds: 3) {
            speak(&$0, .a)
            speak(&$0, .b)
        }
        #expect(told == [.audioPath(Self.id, .b, .flowing)])
        told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            speak(&$0, .b)
        }
        #expect(told.isEmpty)
    }

    @Test func `a source that the latch refuses is named`() throws {
        var harness = try relaying()
        let stranger = try #require(Endpoint("198.51.100.7:40000"))
        let told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            speak(&$0, .b, from: stranger)
        }
        #expect(told == [.audioPath(Self.id, .b, .absent(.refusedSource(stranger)))])
        #expect(AudioPath.absent(.refusedSource(stranger)).description.contains("198.51.100.7:40000"))
    }

    @Test func `another codec than agreed is named`() throws {
        var harness = try relaying()
        let told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            speak(&$0, .b, type: 18)
        }
        #expect(told == [.audioPath(Self.id, .b, .absent(.undecodable))])
    }

    @Test func `packets that none can be decoded of are named`() throws {
        var harness = try relaying(.pcmu, to: .pcma)
        let told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            speak(&$0, .b, type: 8, payload: [])
        }
        #expect(told == [.audioPath(Self.id, .b, .absent(.undecodable))])
    }

    @Test func `packets under another key are named`() throws {
        var entropy = Entropy(SeededGenerator(seed: 2))
        let key = SRTPMasterKey(suite: .aesCM128HMACSHA1Tag80, entropy: &entropy)
        var harness = SessionHarness(protection: RefusingProtection())
        try harness.configure(.a, .pcmu)
        try harness.configure(.b, .pcmu, receiveKey: key)
        let told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            speak(&$0, .b)
        }
        #expect(told == [.audioPath(Self.id, .b, .absent(.notAuthentic))])
    }

    @Test func `the cause is told anew when it changes for good, not when it flickers`() throws {
        var harness = try relaying()
        let stranger = try #require(Endpoint("198.51.100.7:40000"))
        #expect(harness.watch(seconds: 8) { speak(&$0, .a) }.count == 1)
        var second = 0
        let flickering = harness.watch(seconds: 12) {
            speak(&$0, .a)
            second += 1
            if second % 3 == 0 { speak(&$0, .b, from: stranger) }
        }
        #expect(flickering.isEmpty)
        let changed = harness.watch(seconds: 12) {
            speak(&$0, .a)
            speak(&$0, .b, from: stranger)
        }
        #expect(changed == [.audioPath(Self.id, .b, .absent(.refusedSource(stranger)))])
    }

    @Test func `a side on hold is not missed, and trouble ends with the hold`() throws {
        var harness = try relaying()
        try harness.configure(.b, .pcmu, sends: false)
        #expect(harness.watch(seconds: 60) { speak(&$0, .a) }.isEmpty)
        try harness.configure(.b, .pcmu, receives: false)
        #expect(harness.watch(seconds: 60) { speak(&$0, .a) }.isEmpty)
        try harness.configure(.b, .pcmu)
        #expect(harness.watch(seconds: 4) { speak(&$0, .a) }.isEmpty)
        #expect(harness.watch(seconds: 4) { speak(&$0, .a) }.count == 1)
        try harness.configure(.b, .pcmu, sends: false)
        #expect(harness.watch(seconds: 4) { speak(&$0, .a) } == [.audioPath(Self.id, .b, .held)])
        try harness.configure(.b, .pcmu)
        #expect(harness.watch(seconds: 2) { speak(&$0, .a) } == [.audioPath(Self.id, .b, .flowing)])
    }

    @Test func `comfort noise is a listener for half a minute, then a dead microphone`() throws {
        var harness = try relaying(.opus, to: .opus)
        let comfort: (inout SessionHarness) -> Void = {
            speak(&$0, .a, type: 111, payload: [1, 2, 3])
            let sequence = Int(($0.now - .origin).wholeMilliseconds) / 20
            _ = $0.receive([0x08], type: 111, sequence: sequence, timestamp: sequence * 960, on: .b)
        }
        #expect(harness.watch(seconds: 29, comfort).isEmpty)
        #expect(harness.watch(seconds: 5, comfort) == [.audioPath(Self.id, .b, .comfortNoiseOnly)])
        #expect(harness.watch(seconds: 20, comfort).isEmpty)
        let stopped = harness.watch(seconds: 20) { speak(&$0, .a, type: 111, payload: [1, 2, 3]) }
        #expect(stopped == [.audioPath(Self.id, .b, .absent(.noPackets))])
    }

    @Test func `comfort noise of RFC 3389 counts as such where it was not agreed on`() throws {
        var harness = try relaying()
        let told = harness.watch(seconds: 20) {
            speak(&$0, .a)
            let sequence = Int(($0.now - .origin).wholeMilliseconds) / 20
            _ = $0.receive([0x40], type: 13, sequence: sequence, timestamp: sequence * 160, on: .b)
        }
        #expect(told.isEmpty)
    }

    @Test func `both sides silent are both named`() throws {
        var harness = try relaying()
        let told = harness.watch(seconds: 20)
        #expect(Set(told) == Set(MediaSide.allCases.map { .audioPath(Self.id, $0, .absent(.noPackets)) }))
        #expect(told.count == 2)
    }

    @Test func `before both sides are there nobody is missed`() throws {
        var harness = SessionHarness()
        try harness.configure(.a, .pcmu)
        #expect(harness.watch(seconds: 30).isEmpty)
    }

    @Test(
        arguments: [
            AudioPath.flowing, .held, .comfortNoiseOnly, .absent(.noPackets), .absent(.notAuthentic),
            .absent(.undecodable),
        ])
    func `every state has its words`(path: AudioPath) {
        #expect(!path.description.isEmpty)
        #expect(path.isTrouble == path.description.contains("check"))
    }
}

/// Believes nothing, protects nothing.
private struct RefusingProtection: PacketProtection {
    private final class Refuser: PacketProtector, PacketUnprotector {
        func protectRTP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int { size }
        func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, size: Int) throws(SRTPError) -> Int { size }
        func unprotectRTP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int { throw .forged }
        func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) throws(SRTPError) -> Int { throw .forged }
    }
    func makeProtector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketProtector { Refuser() }
    func makeUnprotector(_ key: SRTPMasterKey) throws(SRTPError) -> any PacketUnprotector { Refuser() }
}
