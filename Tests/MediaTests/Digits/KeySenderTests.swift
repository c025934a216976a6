import Media
import Primitives
import RTP
import Testing

@Suite struct KeySenderTests {
    private func packets(_ keys: inout KeySender, count: Int, step: UInt32 = 160) -> [KeySender.Packet?] {
        (0..<count).map { keys.next(at: UInt32($0) * step) }
    }

    @Test func `a key takes the place of the audio until its end has gone out three times`() {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: 8_000)
        #expect(!keys.isActive)
        #expect(keys.press(5, for: .milliseconds(60)) == true)
        #expect(keys.isActive && !keys.isSending)
        let out = packets(&keys, count: 6)
        #expect(out[..<5].map { $0?.event.duration } == [160, 320, 480, 480, 480])
        #expect(out[..<5].map { $0?.event.isEnd } == [false, false, true, true, true])
        #expect(out[..<5].map { $0?.isFirst } == [true, false, false, false, false])
        #expect(out[..<5].allSatisfy { $0?.timestamp == 0 && $0?.event.event == 5 })
        #expect(out[5] == nil)
        #expect(!keys.isActive)
    }

    /// Forty milliseconds lie between two keys: at 10 ms, the two repeated ends are only half of that.
    @Test(arguments: [(10, 800), (20, 800), (60, 800)])
    func `keys that wait follow each other with a pause`(ptime: Int, ticks: Int) {
        var keys = KeySender(ptime: .milliseconds(ptime), clockRate: 8_000)
        for key in [UInt8(1), 1, 2] { _ = keys.press(key, for: .milliseconds(100)) }
        var reader = TelephoneEventReader()
        var heard: [UInt8] = []
        var starts: [UInt32] = []
        let step = UInt32(ptime * 8)
        for (index, packet) in packets(&keys, count: 100, step: step).enumerated() {
            guard let packet else { continue }
            let header = RTPHeader(
                marker: packet.isFirst, payloadType: 101, sequence: UInt16(index), timestamp: packet.timestamp, ssrc: 1)
            if reader.read(packet.event, header).isNew {
                heard.append(packet.event.event)
                starts.append(packet.timestamp)
            }
        }
        #expect(heard == [1, 1, 2])
        let length = UInt32(max(1, 100 / ptime)) * step
        #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 >= length + 320 })
    }

    @Test func `a key without a length lasts until it is let go, and fifty milliseconds at least`() {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: 8_000)
        _ = keys.press(7, for: nil)
        #expect(packets(&keys, count: 50).allSatisfy { $0?.event.isEnd == false })
        keys.release()
        #expect(packets(&keys, count: 4).map { $0?.event.isEnd } == [true, true, true, nil])
        _ = keys.press(7, for: nil)
        _ = keys.next(at: 0)
        keys.release()
        #expect(keys.next(at: 0)?.event.duration == 320)
    }

    @Test func `a key that was let go while it waited is sent, and ends`() {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: 8_000)
        _ = keys.press(1)
        _ = keys.press(2, for: nil)
        keys.release()
        _ = keys.press(3, for: nil)
        let out = packets(&keys, count: 100).compactMap { $0 }
        #expect(out.filter(\.isFirst).map(\.event.event) == [1, 2, 3])
        #expect(out.filter { $0.event.isEnd }.map(\.event.event) == [1, 1, 1, 2, 2, 2])
        #expect(keys.isSending)
    }

    @Test(arguments: [(8_000, 65_440), (48_000, 65_280)])
    func `a key is no longer than a packet can say`(clockRate: Int, ticks: Int) {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: clockRate)
        _ = keys.press(1, for: .seconds(600))
        let out = packets(&keys, count: 500).compactMap { $0 }
        #expect(out.last?.event == TelephoneEvent(event: 1, isEnd: true, duration: UInt16(ticks)))
        #expect(!keys.isActive)
    }

    @Test func `a full queue refuses`() {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: 8_000)
        for _ in 0..<KeySender.queued { #expect(keys.press(1) == true) }
        #expect(keys.press(1) == false)
    }

    @Test func `another packet time ends the key that is being sent, and keeps those that wait`() {
        var keys = KeySender(ptime: .milliseconds(20), clockRate: 8_000)
        _ = keys.press(1)
        _ = keys.press(2)
        _ = keys.next(at: 0)
        keys.change(ptime: .milliseconds(40), clockRate: 48_000)
        let next = keys.next(at: 5)
        #expect(next?.event == TelephoneEvent(event: 2, isEnd: false, duration: 1_920))
        #expect(next?.timestamp == 5 && next?.isFirst == true)
    }
}
