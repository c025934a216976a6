import SIPMessage
import Testing

@Suite struct ExtensionHeaderTests {
    private func roundTrip<Value: SIPFieldValue>(_ text: String, as type: Value.Type) throws -> Value {
        let value = try Value(parsing: text)
        #expect(try Value(parsing: value.description) == value, "\(text)")
        return value
    }

    @Test func `the values of extension headers read and write themselves`() throws {
        #expect(try roundTrip(" 776656 1 INVITE ", as: RAck.self) == RAck(rseq: 776_656, number: 1, method: .invite))
        #expect(
            try roundTrip("4000 ; Refresher=UAC;x", as: SessionExpires.self)
                == SessionExpires(seconds: 4000, refresher: .uac))
        #expect(try roundTrip("99999999999", as: SessionExpires.self).seconds == 4_294_967_295)
        #expect(
            try roundTrip("98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only", as: Replaces.self)
                == Replaces(callID: "98732@sip.example.com", toTag: "ff87ff", fromTag: "r33th4x0r", earlyOnly: true))
        #expect(
            try roundTrip(
                "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544", as: TargetDialog.self)
                == TargetDialog(
                    callID: "fa77as7dad8-sd98ajzz@host.example.com", localTag: "kkaz-", remoteTag: "6544"))
        let event = try roundTrip("presence.winfo;x=\"a b\";id=12", as: EventHeader.self)
        #expect(event.name == "presence.winfo" && event.id == "12" && event.parameters["x"] == "a b")
        #expect(event.matches(EventHeader(name: "presence.winfo", id: "12")))
        #expect(!event.matches(EventHeader(name: "presence.winfo")))
        #expect(
            try roundTrip("terminated;reason=NoResource;retry-after=7;expires=0;y", as: SubscriptionState.self)
                == SubscriptionState(.terminated, expires: 0, reason: .noResource, retryAfter: 7))
        #expect(try roundTrip("Waiting", as: SubscriptionState.self).state == .other("waiting"))
        #expect(
            try roundTrip(#"SIP ;cause=200 ;text="Call completed elsewhere""#, as: ReasonValue.self)
                == .sip(200, text: "Call completed elsewhere"))
        #expect(try roundTrip("Q.850;cause=16", as: ReasonValue.self) == .q850(16))
        #expect(
            try roundTrip("id; USER,critical;id;x", as: PrivacyValues.self).list
                == [.id, .user, .critical, .other("x")])
    }

    private static func malformed<Value: SIPFieldValue>(_ texts: [String], as type: Value.Type) {
        for text in texts { #expect(throws: SIPParseError.self, "\(type): \(text)") { try Value(parsing: text) } }
    }

    @Test func `malformed values of extension headers are refused`() {
        Self.malformed(["", "1", "1 2", "1 2 INVITE x", "4294967296 1 A", "1 2147483648 A", "x 1 A"], as: RAck.self)
        Self.malformed(["", "x", "-1", "90 uac", "90;refresher=me", "90;"], as: SessionExpires.self)
        Self.malformed(
            [
                "", ";to-tag=1;from-tag=2", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag=1;to-tag=1;from-tag=2",
                "a b;to-tag=1;from-tag=2", "a;to-tag;from-tag=2", "a,b;to-tag=1;from-tag=2",
            ], as: Replaces.self)
        Self.malformed(["", "a;local-tag=1", "a;remote-tag=1;local-tag=\"\""], as: TargetDialog.self)
        Self.malformed(["", ";id=1", ".x", "x.", "a b", "a;;"], as: EventHeader.self)
        Self.malformed(["", "active;expires=x", "active;retry-after=-1", "a b"], as: SubscriptionState.self)
        Self.malformed(["", ";cause=1", "SIP;cause=x", "SIP;cause=70000", "SIP text"], as: ReasonValue.self)
        Self.malformed(["", ";", "id;", "id user", "\"id\""], as: PrivacyValues.self)
    }

    @Test func `a message gives its extension headers typed`() throws {
        let parsed = try request(
            message(
                extra:
                    "RSeq: 988789\r\nx: 90\r\nMin-SE: 60;lr\r\nr: \"B\" <sip:b@h?Replaces=1%40h%3Bto-tag%3D2%3Bfrom-tag%3D3>\r\n"
                    + "b: <sip:ref@h>;cid=\"1@h\"\r\no: dialog;id=4\r\nReason: SIP;cause=200, broken;;, Q.850;cause=16\r\n"
                    + "Privacy: id\r\nPrivacy: none\r\nP-Asserted-Identity: \"A\" <sip:a@h>, tel:+49301234\r\n"
                    + "P-Preferred-Identity: <sip:p@h>\r\nPath: <sip:p1;lr>,<sip:p2;lr>\r\nService-Route: <sip:s1;lr>\r\n"
                    + "k: timer, 100rel\r\nRequire: Path,path\r\nProxy-Require: sec-agree\r\n"))
        #expect(try parsed.rseq() == 988_789)
        #expect(try parsed.sessionExpires() == SessionExpires(seconds: 90))
        #expect(try parsed.minSE() == 60)
        let target = try #require(try parsed.referTo())
        #expect(target.displayName == "B")
        #expect(try target.uri.replaces() == Replaces(callID: "1@h", toTag: "2", fromTag: "3"))
        #expect(try parsed.referredBy()?.parameters["cid"] == "1@h")
        #expect(try parsed.event() == EventHeader(name: "dialog", id: "4"))
        #expect(parsed.reasons() == [.sip(200), .q850(16)])
        #expect(try parsed.privacy().list == [.id, .none])
        #expect(try parsed.privacy().hidesIdentity == false)
        #expect(try parsed.assertedIdentities().map(\.uri.scheme) == [.sip, .tel])
        #expect(try parsed.preferredIdentities().map(\.uri.user) == ["p"])
        #expect(try parsed.paths().map(\.uri.host) == ["p1", "p2"])
        #expect(try parsed.serviceRoutes().map(\.uri.host) == ["s1"])
        #expect(parsed.supported().contains("100REL"))
        #expect(parsed.required().list == ["Path"])
        #expect(parsed.proxyRequired().subtracting(OptionTags(["Sec-Agree"])).isEmpty)
    }

    @Test func `what is absent is nil or empty, what is malformed throws`() throws {
        let bare = try request(message())
        #expect(try bare.rack() == nil && bare.rseq() == nil && bare.sessionExpires() == nil && bare.minSE() == nil)
        #expect(try bare.replaces() == nil && bare.targetDialog() == nil && bare.referTo() == nil)
        #expect(try bare.event() == nil && bare.subscriptionState() == nil && bare.referredBy() == nil)
        #expect(try bare.privacy().list.isEmpty && bare.paths().isEmpty && bare.reasons().isEmpty)
        let bad = try request(
            message(extra: "RSeq: 4294967296\r\nMin-SE: x\r\nRefer-To: a b\r\nPath: x\r\nPrivacy: ;\r\nRAck: 1\r\n"))
        #expect(throws: SIPParseError.malformedHeader(.rseq, reason: "it is not below 2^32")) { try bad.rseq() }
        #expect(throws: SIPParseError.self) { try bad.minSE() }
        #expect(throws: SIPParseError.self) { try bad.referTo() }
        #expect(throws: SIPParseError.self) { try bad.paths() }
        #expect(throws: SIPParseError.self) { try bad.privacy() }
        #expect(throws: SIPParseError.self) { try bad.rack() }
    }

    @Test func `headers of a URI are unescaped to be read and escaped to be written`() throws {
        var uri = try SIPURI(
            parsing: "sip:b@h?Subject=a%26b%3Dc&body=x%0D%0Ay&Replaces=1%40h%3Bto-tag%3D2%3Bfrom-tag%3D3")
        let fields = try uri.headerFields()
        #expect(fields.map(\.name.description) == ["Subject", "body", "Replaces"])
        #expect(fields.map(\.value) == ["a&b=c", "x\r\ny", "1@h;to-tag=2;from-tag=3"])
        uri.setHeaderFields(fields)
        #expect(try SIPURI(parsing: uri.description).headerFields() == fields)
        uri.setHeaderFields([])
        #expect(uri.description == "sip:b@h")
        #expect(try uri.headerFields().isEmpty && uri.replaces() == nil)
    }

    @Test(arguments: ["sip:h?", "sip:h?a", "sip:h?=b", "sip:h?a=%4", "sip:h?a=1&&b=2", "sip:h?a%3A=1"])
    func `malformed headers of a URI are refused when asked for`(text: String) throws {
        let uri = try SIPURI(parsing: text)
        if text.hasSuffix("?") {
            #expect(try uri.headerFields().isEmpty)
        } else {
            #expect(throws: SIPParseError.self) { try uri.headerFields() }
        }
    }
}
