import Numbering
import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings
import Testing
import Trunks

struct OutgoingRouteTests {
    /// `one` and `two` as static trunks that are up, with the rules given.
    private func office(
        rules: [OutgoingRule]? = nil, _ change: (inout TrunkSettings, inout TrunkSettings) -> Void = { _, _ in }
    ) -> TrunkBench {
        let bench = TrunkBench()
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        bench.places["other.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.2:5060")!)])
        var one = TrunkBench.trunk("one", kind: .static)
        one.block = DirectDialBlock(base: "+493012345", first: "00", last: "99", extensionPrefix: "1")
        one.callerNumber = "+49301234500"
        var two = TrunkBench.trunk("two", kind: .static)
        two.server = TrunkServer(host: "other.example")
        change(&one, &two)
        var settings = TrunkBench.settings([one, two])
        if let rules { settings.outgoing.rules = rules }
        bench.adopt(settings)
        bench.listen()
        return bench
    }

    private func dialled(_ text: String, _ bench: TrunkBench) -> DialledNumber {
        bench.trunks.plan.dialled(text, isInternal: false)
    }

    private func routes(
        _ text: String, _ bench: TrunkBench, from extensionNumber: String = "101", inUse: [TrunkID: Int] = [:]
    ) -> [TrunkRoute] {
        bench.trunks.routes(
            for: dialled(text, bench), from: OutgoingCaller(extensionNumber: extensionNumber), inUse: inUse)
    }

    @Test(arguments: [
        ("0089777", ["two"]), ("00033123456789", ["one", "two"]), ("0030777", ["one"]), ("0115", ["two"]),
        ("00900123456", []), ("0116117", []), ("89777", []), ("100", []),
    ])
    func `the longest fitting prefix counts`(number: String, expected: [String]) {
        let bench = office(rules: [
            OutgoingRule(prefix: "+", trunks: ["one", "two"]), OutgoingRule(prefix: "+49", trunks: ["two"]),
            OutgoingRule(prefix: "+4930", trunks: ["one"]), OutgoingRule(prefix: "+49900", trunks: []),
            OutgoingRule(prefix: "115", trunks: ["two"]),
        ])
        #expect(routes(number, bench).map(\.name) == expected)
        #expect(bench.trunks.isBarred(dialled(number, bench)) == (number == "00900123456"))
    }

    @Test func `without a rule nothing goes out but calls for help`() {
        let bench = office(rules: [])
        #expect(routes("0089777", bench).isEmpty)
        #expect(routes("112", bench).map(\.name) == ["one", "two"])
        #expect(bench.trunks.routes(for: .internal("100"), from: .init(extensionNumber: "101")).isEmpty)
        #expect(bench.trunks.routes(for: .invalid, from: .init(extensionNumber: "101")).isEmpty)
    }

    @Test func `trunks that work come first, those that have no channel left not at all`() throws {
        let bench = office { one, two in
            (one.channels, two.channels) = (2, 2)
            one.healthInterval = .seconds(60)
        }
        let ids = bench.trunks.statuses(at: bench.now).map(\.id)
        #expect(routes("0089777", bench).map(\.name) == ["one", "two"])
        #expect(routes("0089777", bench, inUse: [ids[0]: 2]).map(\.name) == ["two"])
        #expect(routes("0089777", bench, inUse: [ids[0]: 2, ids[1]: 3]).isEmpty)
        for _ in 0..<2 {
            bench.fail(try #require(bench.take()))
            bench.advanceToNextRequest()
        }
        #expect(bench.state?.isUsable == false)
        #expect(routes("0089777", bench).map(\.name) == ["two", "one"], "the one that is down is tried last")
    }

    @Test func `a call for help goes by any trunk, the full ones last`() throws {
        let bench = office(rules: [OutgoingRule(prefix: "+", trunks: [])]) { one, _ in one.channels = 1 }
        let ids = bench.trunks.statuses(at: bench.now).map(\.id)
        for number in ["112", "0112", "110"] {
            let ways = routes(number, bench, inUse: [ids[0]: 1])
            #expect(ways.map(\.name) == ["two", "one"] && ways.allSatisfy(\.isEmergency))
            #expect(ways.allSatisfy { $0.uri.user == (number == "110" ? "110" : "112") })
        }
        let withheld = OutgoingCaller(extensionNumber: "101", isWithheld: true)
        let way = try #require(bench.trunks.routes(for: .emergency("112"), from: withheld).first)
        #expect(way.from.uri.user == "+49301234501" && way.privacy.list.isEmpty)
    }

    @Test func `a trunk that was never located is no way`() {
        let bench = TrunkBench()
        bench.adopt(TrunkBench.settings([TrunkBench.trunk()]))
        bench.listen()
        #expect(routes("112", bench).isEmpty)
    }

    // MARK: Numbers

    @Test(arguments: [
        (TrunkSettings.NumberFormat.e164, "", "+4989777", "+33123456789"),
        (.national, "", "089777", "0033123456789"), (.national, "9", "9089777", "90033123456789"),
        (.dialled, "", "089777", "0033123456789"),
    ])
    func `numbers are written as the trunk wants them`(
        format: TrunkSettings.NumberFormat, prefix: String, national: String, international: String
    ) throws {
        let bench = office { one, _ in
            one.numberFormat = format
            one.numberPrefix = prefix
        }
        let way = try #require(routes("0089777", bench).first)
        #expect(way.uri.description == "sip:\(national)@telco.example;user=phone")
        #expect(routes("00033123456789", bench).first?.uri.user == international)
        #expect(routes("112", bench).first?.uri.user == "112")
        let presented = format == .national ? "0301234501" : "+49301234501"
        #expect(way.from.uri.user == presented && way.assertedIdentity?.uri.user == presented)
    }

    // MARK: Identity

    @Test(arguments: [
        ("100", "+493012345611", "+49301234500"), ("101", "+49301234501", "+49301234501"),
        ("107", "+49301234507", "+49301234507"), ("610", "+49301234500", "+49301234500"),
    ])
    func `From shows the caller's number, the identity is one of the trunk's`(
        extensionNumber: String, from: String, identity: String
    ) throws {
        let way = try #require(routes("0089777", office(), from: extensionNumber).first)
        #expect(way.from.uri.description == "sip:\(from)@telco.example;user=phone")
        #expect(way.assertedIdentity?.uri.description == "sip:\(identity)@telco.example;user=phone")
        #expect(way.preferredIdentity == nil && way.from.tag == nil)
    }

    @Test func `each policy puts the identity where the trunk reads it`() throws {
        var way = try #require(routes("0089777", office { one, _ in one.identity = .preferred }).first)
        #expect(way.assertedIdentity == nil && way.preferredIdentity?.uri.user == "+49301234501")
        way = try #require(routes("0089777", office { one, _ in one.identity = .from }).first)
        #expect(way.assertedIdentity == nil && way.preferredIdentity == nil && way.from.uri.user == "+49301234501")
        way = try #require(
            routes(
                "0089777",
                office { one, _ in
                    one.identity = .preferred
                    one.fromAccount = true
                }, from: "100"
            ).first)
        #expect(way.from.uri.description == "sip:4930123456@telco.example")
        #expect(way.preferredIdentity?.uri.user == "+493012345611", "the only place for the caller's number")
    }

    @Test func `a trunk without numbers knows us by the account`() throws {
        let way = try #require(routes("0089777", office(rules: [.init(prefix: "+", trunks: ["two"])])).first)
        #expect(way.from.uri.description == "sip:4930123456@other.example")
        #expect(way.assertedIdentity?.uri.description == "sip:4930123456@other.example")
    }

    @Test func `a forwarded call shows who calls, and asserts who forwards`() throws {
        let bench = office()
        let caller = OutgoingCaller(extensionNumber: "101", presented: E164Number("+4989555"))
        let way = try #require(bench.trunks.routes(for: dialled("0089777", bench), from: caller).first)
        #expect(way.from.uri.user == "+4989555" && way.assertedIdentity?.uri.user == "+49301234501")
    }

    @Test func `a withheld number is asserted with Privacy, or not said at all`() throws {
        let caller = OutgoingCaller(extensionNumber: "101", isWithheld: true)
        var bench = office()
        var way = try #require(bench.trunks.routes(for: dialled("0089777", bench), from: caller).first)
        #expect(way.from.description == "\"Anonymous\" <sip:anonymous@anonymous.invalid>")
        #expect(way.privacy.description == "id" && way.assertedIdentity?.uri.user == "+49301234501")
        bench = office { one, _ in one.honoursPrivacy = false }
        way = try #require(bench.trunks.routes(for: dialled("0089777", bench), from: caller).first)
        #expect(way.from.uri.host == "anonymous.invalid" && way.privacy.list.isEmpty)
        #expect(way.assertedIdentity == nil && way.preferredIdentity == nil)
    }

    // MARK: What goes with it

    @Test func `a way carries credentials, contact, codecs and security of its trunk`() throws {
        let bench = TrunkBench.registering {
            $0.authenticationUser = "auth"
            $0.codecs = ["PCMA"]
            $0.mediaSecurity = .required
        }
        let contact = bench.sent.first?.request.contact?.uri.user
        bench.accept()
        let way = try #require(routes("0089777", bench).first)
        #expect(way.credentials == TrunkCredentials(username: "auth", password: Secret("right")))
        #expect(way.contactUser == contact && way.codecs == ["PCMA"] && way.mediaSecurity == .required)
        #expect(way.flows.map(\.remote) == [Endpoint("198.51.100.1:5060")!])
        #expect(bench.trunks.settings(of: way.trunk)?.name == "telco")
    }

    @Test func `an IPv6 server stands in brackets`() throws {
        let bench = TrunkBench.registering { $0.server = TrunkServer(host: "2001:db8::1") }
        bench.places["2001:db8::1"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        bench.run { trunks, agent in trunks.restart(&agent) }
        #expect(bench.sent.first?.request.uri.description == "sip:[2001:db8::1]")
        #expect(routes("0089777", bench).first?.uri.description == "sip:+4989777@[2001:db8::1];user=phone")
    }

    @Test(arguments: [
        ("sip:1@telco.example", true), ("sip:1@a.telco.example", true), ("sips:1@TELCO.example", true),
        ("sip:1@evil-telco.example", false), ("sip:1@evil.example", false), ("tel:+4989777", false),
    ])
    func `a redirection is followed within the trunk's domain, if at all`(contact: String, isFollowed: Bool) throws {
        let uri = try SIPURI(parsing: contact)
        let bench = office { one, _ in one.redirects = .follow }
        let ids = bench.trunks.statuses(at: bench.now).map(\.id)
        #expect(bench.trunks.follows(uri, over: ids[0]) == isFollowed)
        #expect(!bench.trunks.follows(uri, over: ids[1]))
    }

    @Test func `rules beyond the limit are not taken`() {
        var limits = Limits()
        limits.outgoingRules = 1
        let bench = TrunkBench()
        bench.trunks = Trunks(hashes: bench.hashes, limits: limits)
        bench.places["telco.example"] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        var settings = TrunkBench.settings([TrunkBench.trunk("one", kind: .static)])
        settings.outgoing.rules.append(OutgoingRule(prefix: "115", trunks: ["one"]))
        bench.adopt(settings)
        bench.listen()
        #expect(routes("0089777", bench).count == 1 && routes("0115", bench).isEmpty)
    }
}
