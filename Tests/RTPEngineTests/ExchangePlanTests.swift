import Media
import Primitives
import RTP
import RTPEngine
import SDP
import Testing

@Suite struct ExchangePlanTests {
    private static func stream(
        _ codec: AudioCodec, _ payloadType: UInt8, events: UInt8? = 101, rate: Int = 8_000, ptime: Int = 20
    ) -> MediaStreamDescription {
        MediaStreamDescription(
            remote: Endpoint("127.0.0.1:4000"), codec: codec, payloadType: payloadType,
            telephoneEventPayloadType: events, telephoneEventClockRate: rate, ptime: .milliseconds(ptime))
    }

    private func requests(
        _ a: MediaStreamDescription, _ b: MediaStreamDescription, isV4: Bool = true
    ) -> [(request: RelayRequest, message: Bencode, section: MediaDescription, flags: [String])] {
        ExchangePlan(call: "c", wish: .init(a: a, b: b), isV4: isV4).requests.compactMap { request in
            let message = request.message
            guard case .string(let bytes)? = message["sdp"],
                let section = (try? SessionDescription.parse(bytes))?.media.first,
                case .list(let flags)? = message["flags"]
            else { return nil }
            return (request, message, section, flags.compactMap(\.text))
        }
    }

    @Test(arguments: [
        (stream(.pcmu, 0), stream(.pcmu, 0)), (stream(.opus, 107), stream(.opus, 107)),
        (stream(.pcma, 8), stream(.pcma, 8, events: nil)),
    ])
    func `equal formats are relayed`(a: MediaStreamDescription, b: MediaStreamDescription) {
        let exchange = requests(a, b)
        #expect(exchange.count == 2 && exchange.allSatisfy { !$0.flags.contains { $0.hasPrefix("codec") } })
        #expect(
            exchange[0].section.formats == ["\(a.payloadType)"] + (a.telephoneEventPayloadType.map { ["\($0)"] } ?? []))
    }

    @Test(arguments: [
        // Offered by the side whose numbers are fixed; unused ones lead rtpengine to those of the other.
        (
            stream(.pcmu, 0), stream(.opus, 107), "a",
            ["codec-except-telephone-event", "codec-transcode-opus/48000/2/24000"], 96...106
        ),
        (
            stream(.opus, 98), stream(.pcmu, 0), "b",
            ["codec-except-telephone-event", "codec-transcode-opus/48000/2/24000"], 96...97
        ),
        (
            stream(.pcma, 8), stream(.pcmu, 0, events: 97), "a",
            ["codec-transcode-PCMU/8000", "codec-transcode-telephone-event/8000"], 96...96
        ),
        (
            stream(.g722, 9), stream(.opus, 100, events: 102, rate: 48_000), "a",
            ["codec-transcode-opus/48000/2/24000", "codec-transcode-telephone-event/48000"], 96...99
        ),
        (
            stream(.opus, 107), stream(.opus, 97), "a",
            [
                "codec-transcode-opus/48000/2/24000", "codec-transcode-telephone-event/8000",
                "codec-set-opus/48000/2/24000",
            ], 96...96
        ),
        // The answering side's number is the offering one's for events: then it offers itself.
        (
            stream(.pcmu, 0, events: 96), stream(.opus, 96), "b",
            ["codec-transcode-PCMU/8000", "codec-set-opus/48000/2/24000"], 101...101
        ),
    ])
    func `other formats are transcoded, with the numbers that were agreed`(
        a: MediaStreamDescription, b: MediaStreamDescription, from: String, flags: [String], unused: ClosedRange<Int>
    ) {
        let exchange = requests(a, b)
        #expect(exchange.count == 2 && exchange[0].message["from-tag"]?.text == from)
        for flag in flags + ["codec-mask-full"] { #expect(exchange[0].flags.contains(flag), "\(flag)") }
        let formats = exchange[0].section.formats.compactMap { Int($0) }
        for number in unused { #expect(formats.contains(number), "\(number)") }
        #expect(Set(formats).count == formats.count)
        let answered = exchange[1].section.formats.compactMap { UInt8($0) }
        #expect(answered.contains(from == "a" ? b.payloadType : a.payloadType))
        #expect(!exchange[1].flags.contains { $0.hasPrefix("codec") })
    }

    @Test func `other packet times are asked for on both sides`() {
        let exchange = requests(Self.stream(.pcmu, 0), Self.stream(.pcmu, 0, ptime: 40))
        #expect(exchange[0].message["ptime"]?.integer == 40 && exchange[0].message["ptime-reverse"]?.integer == 20)
        #expect(exchange[1].message["ptime"] == nil)
    }

    @Test func `addresses may be of version 6`() {
        var a = Self.stream(.pcmu, 0)
        a.remote = Endpoint("[2001:db8::1]:4000")
        a.remoteRTCP = Endpoint("[2001:db8::2]:4009")
        let exchange = requests(a, a, isV4: false)
        #expect(exchange[0].message["address family"]?.text == "IP6" && exchange[0].section.rtcpPort == 4_009)
        #expect(exchange[0].message["sdp"]?.text?.contains("c=IN IP6 2001:db8::1") == true)
    }

    // MARK: Keys

    private static func key(_ byte: UInt8, _ suite: SRTPSuite) -> SRTPMasterKey? {
        SRTPMasterKey(suite: suite, keyAndSalt: Secret([UInt8](repeating: byte, count: suite.masterBytes)))
    }

    private static func protected(_ stream: MediaStreamDescription, _ first: UInt8, _ suite: SRTPSuite)
        -> MediaStreamDescription
    {
        var stream = stream
        stream.sendKey = key(first, suite)
        stream.receiveKey = key(first + 1, suite)
        return stream
    }

    private func keys(_ section: MediaDescription) -> [String] {
        section.cryptoAttributes.map { crypto in
            "\(crypto.tag):" + (crypto.keys.first?.keyAndSalt.withBytes { bytes in "\(bytes.first ?? 0)" } ?? "")
        }
    }

    @Test func `a protected side gets our key in an exchange that it answers, and then what is in force`() {
        let a = Self.protected(Self.stream(.pcmu, 0), 10, .aesCM128HMACSHA1Tag80)
        let exchange = requests(a, Self.stream(.pcmu, 0))
        #expect(exchange.map { $0.message["command"]?.text ?? "" } == ["offer", "answer", "offer", "answer"])
        // b offers as if protected, with the key that a is to be sent; a answers with its own.
        #expect(exchange[0].message["from-tag"]?.text == "b" && keys(exchange[0].section) == ["2:10"])
        #expect(
            exchange[0].section.proto == "RTP/SAVP" && exchange[0].message["transport protocol"]?.text == "RTP/SAVP")
        #expect(keys(exchange[1].section) == ["2:11"])
        #expect(exchange[2].message["from-tag"]?.text == "a" && keys(exchange[2].section) == ["2:11"])
        #expect(exchange[2].message["transport protocol"]?.text == "RTP/AVP" && exchange[2].section.proto == "RTP/SAVP")
        #expect(exchange[3].section.proto == "RTP/AVP" && keys(exchange[3].section) == [])
        #expect(exchange[3].flags.contains("SDES-static"))
    }

    @Test func `two protected sides keep their own keys, also of different suites`() {
        let a = Self.protected(Self.stream(.pcmu, 0), 10, .aesCM128HMACSHA1Tag80)
        let b = Self.protected(Self.stream(.pcmu, 0), 20, .aeadAES256GCM)
        let exchange = requests(a, b)
        #expect(exchange.map { keys($0.section) } == [["1:21", "2:10"], ["2:11"], ["2:11", "1:20"], ["1:21"]])
        #expect(exchange.allSatisfy { $0.section.proto == "RTP/SAVP" })
    }

    @Test func `a plain offering side is made out to be protected only while the other one's key is set`() {
        let b = Self.protected(Self.stream(.opus, 107), 20, .aeadAES128GCM)
        let exchange = requests(Self.stream(.pcmu, 0), b)
        #expect(exchange.map { keys($0.section) } == [["1:20"], ["1:21"], [], ["1:21"]])
        #expect(exchange.map(\.section.proto) == ["RTP/SAVP", "RTP/SAVP", "RTP/AVP", "RTP/SAVP"])
        #expect("\(exchange[0].request)".contains("inline:") == false)
    }
}
