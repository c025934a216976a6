import Media
import Testing

/// RFC 7587 section 6.1.
@Suite struct OpusParametersTests {
    @Test func `what is absent has its default`() {
        for text in [nil, "", ";", "x", "x=1;y", "maxplaybackrate"] {
            #expect(OpusParameters(fmtp: text) == OpusParameters(), "\(text ?? "nil")")
        }
        #expect(OpusParameters().fmtp == nil)
        #expect(OpusParameters.ours.fmtp == "useinbandfec=1")
    }

    @Test func `the examples of the RFC are understood`() {
        let wide = OpusParameters(
            fmtp:
                "maxplaybackrate=16000; sprop-maxcapturerate=16000; maxaveragebitrate=20000; stereo=1; useinbandfec=1; usedtx=0"
        )
        #expect(wide.maxPlaybackRate == 16_000 && wide.maxCaptureRate == 16_000 && wide.maxAverageBitrate == 20_000)
        #expect(wide.prefersStereo && wide.usesInBandFEC && !wide.usesDTX && !wide.isConstantBitrate)
        let sends = OpusParameters(fmtp: "stereo=0; sprop-stereo=1")
        #expect(!sends.prefersStereo && sends.sendsStereo)
        let chrome = OpusParameters(fmtp: "minptime=10;useinbandfec=1")
        #expect(chrome.minPacketTime == 10 && chrome.usesInBandFEC)
        #expect(OpusParameters(fmtp: "CBR=1 ;\tUseDTX=1").isConstantBitrate)
    }

    @Test(arguments: [
        ("maxplaybackrate=1", 8_000), ("maxplaybackrate=0", 48_000), ("maxplaybackrate=96000", 48_000),
        ("maxplaybackrate=-8000", 48_000), ("maxplaybackrate=99999999999999999999", 48_000),
        ("maxplaybackrate=", 48_000),
        ("maxplaybackrate=8000x", 48_000), ("maxplaybackrate=12000;maxplaybackrate=8000", 12_000),
    ])
    func `a rate is bounded, and a malformed one ignored`(text: String, rate: Int) {
        #expect(OpusParameters(fmtp: text).maxPlaybackRate == rate)
        #expect(
            OpusParameters(fmtp: text.replacing("maxplaybackrate", with: "sprop-maxcapturerate")).maxCaptureRate == rate
        )
    }

    @Test(
        arguments: [
            ("maxaveragebitrate=5", 6_000), ("maxaveragebitrate=900000", 510_000), ("maxaveragebitrate=0", nil),
            ("maxaveragebitrate=2e4", nil), ("maxaveragebitrate=24000", 24_000),
        ] as [(String, Int?)])
    func `a bit rate is bounded, and a malformed one ignored`(text: String, bitrate: Int?) {
        #expect(OpusParameters(fmtp: text).maxAverageBitrate == bitrate)
    }

    @Test(arguments: [("minptime=1", 3), ("minptime=500", 120), ("minptime=ten", 3), ("minptime=20", 20)])
    func `a packet time is bounded`(text: String, milliseconds: Int) {
        #expect(OpusParameters(fmtp: text).minPacketTime == milliseconds)
    }

    @Test func `a flag is 0 or 1, and no more than 32 parameters are looked at`() {
        let parameters = OpusParameters(fmtp: "useinbandfec=2;usedtx=true;stereo=-1")
        #expect(!parameters.useAny)
        let many = String(repeating: "a=1;", count: 40) + "useinbandfec=1"
        #expect(!OpusParameters(fmtp: many).usesInBandFEC)
    }

    @Test func `what is written is read again`() {
        var all = OpusParameters()
        (all.maxPlaybackRate, all.maxCaptureRate, all.maxAverageBitrate) = (16_000, 24_000, 20_000)
        (all.usesInBandFEC, all.usesDTX, all.isConstantBitrate) = (true, true, true)
        (all.prefersStereo, all.sendsStereo, all.minPacketTime) = (true, true, 20)
        #expect(OpusParameters(fmtp: all.fmtp) == all)
    }
}

extension OpusParameters {
    fileprivate var useAny: Bool { usesInBandFEC || usesDTX || prefersStereo }
}
