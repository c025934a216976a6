import CloudMessages
import CloudWire
import Primitives
import PrivacyContract
import Testing

@Suite struct BodiesTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", Int64(0)), ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
        ("2026-01-02T05:04:05.678+02:00", 1_767_323_045_678), ("2026-01-01t23:34:05.6789-03:30", 1_767_323_045_678),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2016-12-31T23:59:60Z", 1_483_228_799_000),
    ])
    func `a time stamp is read`(text: String, milliseconds: Int64) {
        #expect(RFC3339.parse(text) == UnixTime(milliseconds: milliseconds))
    }

    @Test(arguments: [
        "", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2025-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Z ", "2026-01-02T03:04:05+2:00", "+026-01-02T03:04:05Z",
    ])
    func `a malformed time stamp is refused`(text: String) { #expect(RFC3339.parse(text) == nil) }

    @Test func `times survive writing and reading`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let time = UnixTime(milliseconds: Int64(generator.next() % 4_102_444_800_000))
            #expect(RFC3339.parse(time.rfc3339) == time)
        }
    }

    private let offer = PairingOffer(
        tokenID: "a1b2", serial: "PBX-1", issuedAt: UnixTime(seconds: 1_767_323_045),
        expiresAt: UnixTime(seconds: 1_767_409_445), codeHash: Array(0..<32))

    @Test func `an offer has its golden form and comes back`() throws {
        let json = try PairingOfferBody(offer).encoded()
        let golden =
            #"{"codeHash":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","expiresAt":"2026-01-03T03:04:05.000Z","#
            + #""issuedAt":"2026-01-02T03:04:05.000Z","serial":"PBX-1","tokenId":"a1b2"}"#
        #expect(String(decoding: json, as: UTF8.self) == golden)
        #expect(try PairingOfferBody.decode(json) == offer)
    }

    @Test(arguments: [
        ("tokenId", "../x"), ("serial", ""), ("issuedAt", "yesterday"), ("expiresAt", "1"), ("codeHash", "AAEC"),
        ("codeHash", "not base64 at all!!"),
    ])
    func `an offer with a malformed field is refused`(key: String, value: String) throws {
        var body = PairingOfferBody(offer)
        switch key {
        case "tokenId": body.tokenId = value
        case "serial": body.serial = value
        case "issuedAt": body.issuedAt = value
        case "expiresAt": body.expiresAt = value
        default: body.codeHash = value
        }
        let json = try body.encoded()
        #expect(throws: CloudWireError.self) { try PairingOfferBody.decode(json) }
    }

    @Test func `a registration has its golden form and shows no password`() throws {
        let registration = PairingRegistration(tokenID: "t1", user: "ccc-abcdefgh", password: Secret("geheim"))
        let json = try registration.encoded()
        #expect(String(decoding: json, as: UTF8.self) == #"{"password":"geheim","tokenId":"t1","user":"ccc-abcdefgh"}"#)
        #expect(try PairingRegistration.decode(json) == registration)
        #expect(!"\(registration)".contains("geheim"))
        let error = #expect(throws: CloudWireError.self) {
            try PairingRegistration.decode(Array(#"{"password":"geheim","tokenId":7}"#.utf8))
        }
        #expect(!"\(String(describing: error))".contains("geheim"))
    }

    @Test func `a body over the limit is refused`() {
        var limits = WireLimits()
        limits.jsonBytes = 20
        let bytes = Array(#"{"password":"p","tokenId":"t1","user":"u"}"#.utf8)
        let expected = CloudWireError.bodyTooLarge(what: "pairing registration", bytes: bytes.count, limit: 20)
        #expect(throws: expected) { try PairingRegistration.decode(bytes, limits: limits) }
    }

    @Test func `a backup list comes back, and one bad entry refuses it`() throws {
        let entry = BackupEntry(
            id: "b1", createdAt: UnixTime(seconds: 100), sizeBytes: 5, keyID: "k1",
            sha256: [UInt8](repeating: 0xAB, count: 32))
        let json = try WireJSON.encode(BackupListBody([entry]), what: "list")
        #expect(try BackupListBody.decode(json) == [entry])
        let text = String(decoding: json, as: UTF8.self)
        for (good, bad) in [("abab", "ab"), ("b1", "../b1"), ("1970", "197O"), (":5}", ":-5}")] {
            let mutated = text.replacing(good, with: bad)
            #expect(throws: CloudWireError.self) { try BackupListBody.decode(Array(mutated.utf8)) }
        }
        var limits = WireLimits()
        limits.listedBackups = 0
        #expect(throws: CloudWireError.self) { try BackupListBody.decode(json, limits: limits) }
    }

    @Test func `digest and range headers are written and read`() {
        let digest = [UInt8](0..<32)
        let text = BackupHeaders.digest(sha256: digest)
        #expect(text == "sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:")
        #expect(BackupHeaders.sha256(digestField: "sha-512=:AA==:, " + text) == digest)
        #expect(BackupHeaders.sha256(digestField: "sha-256=:AA==:") == nil)
        #expect(BackupHeaders.contentRange("bytes 10-19/30")?.range == 10...19)
        #expect(BackupHeaders.contentRange("bytes 10-19/30")?.total == 30)
        for bad in ["bytes 10-9/30", "bytes 0-30/30", "bytes -1-3/30", "bytes 0-3/*", "0-3/30", "bytes 0-3", ""] {
            #expect(BackupHeaders.contentRange(bad) == nil)
        }
    }

    @Test func `how a call sounded is not on the way to the Control Center`() throws {
        let bare = CallRecord(callDataID: 1, startDate: UnixTime(seconds: 1_767_323_045), lengthSeconds: 61)
        var record = bare
        var leg = CallLegQuality(
            codec: "opus", packetsReceived: 1, packetsSent: 2, packetsLost: 3, jitterMilliseconds: 4)
        leg.party = "100"
        leg.trouble = "sends nothing that arrives"
        record.quality = [leg]
        #expect(try ServerSentEvent(record).encoded == ServerSentEvent(bare).encoded)
        let fields = Contract.flow(.c6)?.fields.map(\.rawValue) ?? []
        let text = try ServerSentEvent(record).data
        #expect(text.filter { $0 == ":" }.count - 2 == fields.count, "17 names, and two colons in the date")
        for field in fields { #expect(text.lowercased().contains("\"\(field.lowercased())\":")) }
    }

    @Test func `a call record keeps every field through an event stream cut anywhere`() throws {
        var record = CallRecord(
            callDataID: .max, startDate: UnixTime(milliseconds: 1_767_323_045_678), lengthSeconds: 61)
        record.externalName = "Zoë \"Z\"\n"
        record.externalPhoneNumber = "+4912345"
        record.userNumber = "100"
        record.userName = "Ada"
        record.direction = .incoming
        record.cost = 0.5
        record.success = true
        let event = try ServerSentEvent(record)
        #expect(
            event.data.hasPrefix(#"{"CallDataId":"18446744073709551615","callType":"voice","connectedUserName":"""#))
        let bytes = ServerSentEvent.keepAlive + event.encoded + event.encoded
        for size in 1...40 {
            var parser = ServerSentEventParser()
            var events: [ServerSentEvent] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                events += try parser.feed(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            #expect(events == [event, event])
            #expect(try events.map { try $0.callRecord() } == [record, record])
        }
    }

    @Test func `CR LF, several data lines and unknown fields are understood`() throws {
        var parser = ServerSentEventParser()
        let events = try parser.feed(
            Array("retry: 5\r\nid: 7\r\nevent: call\r\ndata: a\r\ndata:b\r\n\r\nid: 8\n\n".utf8))
        #expect(events == [ServerSentEvent(id: "7", event: "call", data: "a\nb")])
    }

    @Test func `an event over the limit ends the stream`() {
        var limits = WireLimits()
        limits.eventBytes = 30
        var parser = ServerSentEventParser(limits: limits)
        #expect(throws: CloudWireError.self) { _ = try parser.feed([UInt8](repeating: 65, count: 31)) }
    }
}
