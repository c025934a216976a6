import Media
import Primitives
import RTP
import Testing

/// Keys that call control presses towards a side, as it does with those that come by SIP INFO, amid a call.
@Suite struct PressedKeyTests {
    @Test(
        arguments: [
            (AudioCodec.pcma, AudioCodec.pcma), (.pcma, .pcmu), (.g722, .pcma), (.pcma, .g722), (.g722, .g722),
        ], [nil, UInt8(101)])
    func `a side hears keys in the way that it takes them, and then the other side again`(
        codecs: (AudioCodec, AudioCodec), events: UInt8?
    ) throws {
        let harness = GraphHarness()
        let phone = try harness.phone(1, .a, codecs.0, events: events)
        try harness.phone(1, .b, codecs.1, hertz: 500, events: 97)
        harness.run(300)
        harness.command(.sendDigits(MediaSessionID(1), .a, [5, 5, 11]))
        harness.run(1_200)
        #expect(phone.keys == (events == nil ? [] : [5, 5, 11]))
        #expect(
            KeyMaterial.heard(phone.heard, rate: codecs.0.sampleRate) == (events == nil ? [.five, .five, .pound] : []))
        #expect(phone.amplitude(500) > 1_500)
        for (last, next) in zip(phone.headers, phone.headers.dropFirst()) {
            #expect(next.header.sequence == last.header.sequence &+ 1)
        }
    }
}
