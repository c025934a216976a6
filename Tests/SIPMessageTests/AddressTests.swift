import SIPMessage
import Testing

@Suite struct AddressTests {
    @Test(arguments: [
        "sip:alice@example.com", "sips:bob@[2001:db8::1]:5061;transport=tls;lr", "sip:192.0.2.1:5060",
        "sip:alice:secret@example.com?subject=project%20x&priority=urgent",
        "tel:+49-30-123456;phone-context=example.com",
        "sip:%23600@pbx.example", "sip:a%00b@pbx.example", "isbn:2983792873", "sip:user;par=u%40x@example.com",
        "sip:j%C3%BCrgen@example.com", "tel:*21#", "sip:example.com;maddr=[2001:db8::1];x=a%3Bb%3D",
        "urn:service:sos",
    ])
    func `a URI in its canonical spelling reads and writes itself`(text: String) throws {
        let uri = try SIPURI(parsing: text)
        #expect(uri.description == text)
        #expect(try SIPURI(parsing: uri.description) == uri)
    }

    @Test(arguments: [
        "", "sip", "sip:", "sip:@example.com", "sip:a@", "sip:a b@example.com", "sip:a@exa mple.com", "<sip:a@b>",
        "sip:a@b:65536", "sip:a@b:", "sip:a@b:5060x", "sip:a%4@b", "sip:a%GG@b", "sip:a%FF@b", "sip:a@[2001:db8::1",
        "sip:a@[1:2]", "sip:a@2001:db8::1", "sip:a@b;;x", "sip:a@b;", "1sip:a@b", "tel:", "sip:a\r\nb@c", "sip:\"a\"@b",
        "mailto:",
    ])
    func `a malformed URI is refused`(text: String) {
        #expect(throws: SIPParseError.self) { try SIPURI(parsing: text) }
    }

    @Test func `user parts and parameters are escaped as they must be`() throws {
        let uri = SIPURI(
            user: "a@b:c d#\"<>%\u{0}é", host: "pbx.example",
            parameters: SIPParameters([.init("x;y", "1=2?3"), .init("lr", nil)]))
        #expect(uri.description == "sip:a%40b%3Ac%20d%23%22%3C%3E%25%00%C3%A9@pbx.example;x%3By=1%3D2%3F3;lr")
        #expect(try SIPURI(parsing: uri.description) == uri)
    }

    @Test func `a host set by code injects nothing`() {
        #expect(SIPURI(host: "a>\r\nX: y").description == "sip:aX:y")
        let opaque = SIPURI(scheme: .other("x"), host: "a\r\n<b>").description
        #expect(opaque == "x:a%0D%0A%3Cb%3E")
    }

    @Test func `transport is read in lower case and can be set`() throws {
        var uri = try SIPURI(parsing: "sip:a@b;Transport=TCP")
        #expect(uri.transport == "tcp")
        uri.transport = nil
        #expect(uri.description == "sip:a@b")
        uri.transport = "tls"
        #expect(uri.description == "sip:a@b;transport=tls")
    }

    /// The examples of RFC 3261 section 19.1.4, and some of our own.
    @Test(arguments: [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true
        ),
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false),
        ("sip:a@[2001:db8::0:1]", "sip:a@[2001:DB8::1]", true), ("sip:a@b", "sips:a@b", false),
        ("tel:+49(30)12-34", "tel:+49301234", true), ("tel:1234;phone-context=a", "tel:1234", false),
        ("urn:x", "urn:x", true),
    ])
    func `URIs compare as the RFC says`(left: String, right: String, equivalent: Bool) throws {
        #expect(try SIPURI(parsing: left).isEquivalent(to: SIPURI(parsing: right)) == equivalent)
        #expect(try SIPURI(parsing: right).isEquivalent(to: SIPURI(parsing: left)) == equivalent)
    }

    @Test(arguments: [
        (#""A. G. \"Bell\", Jr;" <sip:bell@example.com;x=1>;tag=a48s"#, #"A. G. "Bell", Jr;"#, "a48s"),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "hyh8"),
        ("sip:+12125551212@phone2net.com;tag=887s", nil, "887s"), ("<sip:a@b>", nil, nil),
        ("Jürgen  Groß <sip:j@b> ; TAG = x", "Jürgen Groß", "x"), (#""" <sip:a@b>"#, "", nil),
        (#"sip:a@b;tag=1;y="<x>,""#, nil, "1"),
    ])
    func `an address reads, and writes what reads the same`(text: String, name: String?, tag: String?) throws {
        let address = try NameAddress(parsing: text)
        #expect(address.displayName == name)
        #expect(address.tag == tag)
        #expect(try NameAddress(parsing: address.description) == address)
    }

    @Test(arguments: [
        "", "\"open <sip:a@b>", "Bell, Alexander <sip:a@b>", "<sip:a@b", "< sip:a@b >", "sip:a@b?x=y", "<sip:a@b>;;",
        "<sip:a@b>;tag=", "<sip:a@b> junk", "\"x\" sip:a@b", "<sip:a@b>;tag=\"open", "*", "<>", "sip:a@b,sip:c@d",
    ])
    func `a malformed address is refused`(text: String) {
        #expect(throws: SIPParseError.self) { try NameAddress(parsing: text) }
    }

    @Test func `a display name cannot break out of its quotes`() throws {
        let address = NameAddress(displayName: "x\" <sip:evil@x>\r\nVia: y\\", uri: SIPURI(user: "a", host: "b"))
        let text = address.description
        #expect(!text.utf8.contains(0x0D) && !text.utf8.contains(0x0A))
        #expect(try NameAddress(parsing: text).uri == address.uri)
    }

    @Test(arguments: [
        ("SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", "erlang.bell-telephone.com", 5060),
        ("sip / 2.0 / tls [2001:db8::1] : 5061 ;rport;received=[2001:db8::2]", "[2001:db8::1]", 5061),
        ("SIP/2.0/UDP 192.0.2.1;received=2001:db8::9:255", "192.0.2.1", nil),
    ])
    func `a Via reads, and writes what reads the same`(text: String, host: String, port: UInt16?) throws {
        let via = try Via(parsing: text)
        #expect(via.host == host)
        #expect(via.port == port)
        #expect(try Via(parsing: via.description) == via)
    }

    @Test(arguments: [
        "", "SIP/2.0/UDP", "SIP/2.0/UDPhost", "SIP/1.0/UDP a", "SIP/2.0 a", "SIP/2.0/UDP a:70000", "SIP/2.0/UDP a;;",
        "SIP/2.0/UDP a b", "SIP/2.0/UDP [::g]", "SIP/2.0/UDP a;branch=",
    ])
    func `a malformed Via is refused`(text: String) {
        #expect(throws: SIPParseError.self) { try Via(parsing: text) }
    }

    @Test(arguments: ["", "1", "INVITE", "-1 INVITE", "2147483648 INVITE", "1 INVITE x", "1INVITE", "1 \"x\""])
    func `a malformed CSeq is refused`(text: String) {
        #expect(throws: SIPParseError.self) { try CSeq(parsing: text) }
    }

    @Test func `the largest CSeq is taken`() throws {
        #expect(try CSeq(parsing: "2147483647 BYE").description == "2147483647 BYE")
    }

    @Test(arguments: [
        #"Digest realm="a, \"b\"", nonce="x==", qop="auth,auth-int", algorithm=SHA-256, stale=true"#,
        #"Digest username="Mufasa", realm="r", uri="sip:a@b", response="00ff", qop=auth, nc=00000001, cnonce="x""#,
        "NTLM",
    ])
    func `challenges and credentials read and write themselves`(text: String) throws {
        let parameters = try AuthenticationParameters(parsing: text)
        #expect(parameters.description == text)
        #expect(parameters.isDigest == text.hasPrefix("Digest"))
    }

    @Test(arguments: [
        "", "Digest a", "Digest a=", "Digest a=\"x", "Digest a=b c=d", "Digest a=1, a=2", "Digest,a=b", "Digest =x",
    ])
    func `malformed credentials are refused`(text: String) {
        #expect(throws: SIPParseError.self) { try AuthenticationParameters(parsing: text) }
    }
}
