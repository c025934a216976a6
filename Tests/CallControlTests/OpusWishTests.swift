import CallControl
import Media
import MediaNegotiation
import Primitives
import SDP
import SIPMessage
import Testing

/// What one end says of Opus is what the other is told, since its stream is passed on as it is.
@Suite struct OpusWishTests {
    let desk = Desk()

    private func opus(_ fmtp: String, port: UInt16, type: Int = 107) -> [UInt8] {
        let text = String(decoding: sdp(["opus", "PCMU"], port: port), as: UTF8.self)
        let line = "a=rtpmap:107 opus/48000/2\r\n"
        return Array(
            text.replacing(line, with: line + "a=fmtp:107 \(fmtp)\r\n").replacing("107", with: "\(type)").utf8)
    }

    private func parameters(_ body: [UInt8]) throws -> OpusParameters? {
        let format = try SessionDescription.parse(body).media[0].audioFormats.first { $0.isNamed("opus") }
        return format.map { OpusParameters(fmtp: $0.fmtp) }
    }

    @Test func `each end is told what the other wants, and our encoders know it`() throws {
        let invite = desk.ada.invite(opus("maxaveragebitrate=20000;useinbandfec=1", port: 30_000))
        let incoming = try desk.bob.take(.invite)
        let offered = try parameters(incoming.body)
        #expect(offered?.maxAverageBitrate == 20_000 && offered?.usesInBandFEC == true)
        let b = try desk.bob.answer(incoming, opus("maxplaybackrate=16000;usedtx=1", port: 31_000))
        let response = try desk.ada.response()
        let answered = try parameters(response.body)
        #expect(answered?.maxPlaybackRate == 16_000 && answered?.usesDTX == true && answered?.usesInBandFEC == false)
        let a = try desk.ada.confirm(invite, response)
        #expect(desk.world.stream(.a)?.opus?.maxAverageBitrate == 20_000)
        #expect(desk.world.stream(.b)?.opus?.maxPlaybackRate == 16_000)
        try desk.end(a, b)
    }

    @Test func `who is offered Opus by an end that has none is told that 16 kHz will do`() throws {
        let invite = desk.ada.invite(sdp(["PCMU"], port: 30_000))
        let incoming = try desk.bob.take(.invite)
        let offered = try parameters(incoming.body)
        #expect(offered?.maxPlaybackRate == 16_000 && offered?.maxCaptureRate == 16_000)
        let b = try desk.bob.answer(incoming)
        let a = try desk.ada.confirm(invite, desk.ada.response())
        #expect(desk.world.stream(.b)?.opus == nil)
        try desk.end(a, b)
    }

    @Test func `comfort noise is offered when the rules of a leg say so`() throws {
        var rules = MediaRules()
        for wanted in [false, true] {
            rules.comfortNoise = wanted
            var media = LegMedia(local: LegMedia.local(address: .loopbackV4, session: 8), rules: rules)
            let offer = try SessionDescription.parse(media.makeOffer())
            #expect(offer.media[0].formats.contains("13") == wanted)
        }
    }
}
