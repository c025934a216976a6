import Numbering
import Primitives
import SIPMessage
import SIPTransaction
import ServerLocation
import Settings
import Testing
import Trunks

struct IncomingCallTests {
    private static func flow(
        _ remote: String, _ transport: SIPFlow.Transport = .udp, connection: UInt64? = nil
    ) -> SIPFlow {
        SIPFlow(
            transport: transport, local: TrunkBench.local[transport]!, remote: Endpoint(remote)!,
            connection: connection)
    }

    private func invite(
        _ uri: String, from: String = "<sip:+4989777@telco.example>;tag=1", to: String? = nil,
        _ fields: [(SIPHeaderName, String)] = []
    ) throws -> SIPRequest {
        var request = SIPRequest(method: .invite, uri: try SIPURI(parsing: uri))
        request.headers.append(.from, from)
        request.headers.append(.to, to ?? "<\(uri)>")
        for (name, value) in fields { request.headers.append(name, value) }
        return request
    }

    private func peer(_ change: (inout TrunkSettings) -> Void = { _ in }) -> TrunkBench {
        TrunkBench.registering {
            $0.kind = .static
            change(&$0)
        }
    }

    // MARK: Whose call it is

    @Test func `a registering trunk is known by our contact and its server's address`() throws {
        let bench = TrunkBench.registering()
        let token = try #require(bench.sent.first?.request.contact?.uri.user)
        bench.accept()
        let id = try #require(bench.status?.id)
        let request = try invite("sip:\(token)@192.0.2.1:5060")
        #expect(bench.trunks.identify(request, over: Self.flow("198.51.100.1:5060")) == .trunk(id))
        #expect(bench.trunks.identify(request, over: Self.flow("198.51.100.1:7777")) == .trunk(id))
    }

    @Test(arguments: [
        "203.0.113.9:5060", "198.51.100.2:5060", "192.0.2.1:5060", "[2001:db8::1]:5060",
    ])
    func `who knows the contact and comes from elsewhere is an impostor`(source: String) throws {
        let bench = TrunkBench.registering()
        let token = try #require(bench.sent.first?.request.contact?.uri.user)
        bench.accept()
        #expect(bench.trunks.identify(try invite("sip:\(token)@192.0.2.1"), over: Self.flow(source)) == .impostor)
    }

    @Test(arguments: [
        "sip:4930123456@192.0.2.1", "sip:+4930123456@telco.example", "sip:100@pbx.example", "sip:192.0.2.1",
        "sip:telco@192.0.2.1", "tel:+4930123456",
    ])
    func `who comes from the server's address without the contact is a stranger`(uri: String) throws {
        let bench = TrunkBench.registering()
        bench.accept()
        let request = try invite(uri, from: "<sip:4930123456@telco.example>;tag=1")
        #expect(bench.trunks.identify(request, over: Self.flow("198.51.100.1:5060")) == .stranger)
    }

    @Test func `a registering trunk may call by number over our own connection and from configured sources`() throws {
        let bench = TrunkBench.registering(hops: ["198.51.100.1:5061"], transport: .tls) {
            $0.sources = [AddressBlock("203.0.113.0/28")!]
        }
        bench.accept(600, over: 5)
        let id = try #require(bench.status?.id)
        let request = try invite("sip:+4930123456@telco.example")
        #expect(
            bench.trunks.identify(request, over: Self.flow("198.51.100.1:5061", .tls, connection: 5)) == .trunk(id))
        #expect(
            bench.trunks.identify(request, over: Self.flow("198.51.100.1:5061", .tls, connection: 6)) == .stranger)
        #expect(bench.trunks.identify(request, over: Self.flow("203.0.113.9:40000")) == .trunk(id))
        #expect(bench.trunks.identify(request, over: Self.flow("203.0.113.16:40000")) == .stranger)
    }

    @Test(arguments: [
        ("192.0.2.0/28", "192.0.2.15:1", true), ("192.0.2.0/28", "192.0.2.16:1", false),
        ("192.0.2.7:5080", "192.0.2.7:5080", true), ("192.0.2.7:5080", "192.0.2.7:5081", false),
        ("2001:db8::/33", "[2001:db8:7fff::1]:5060", true), ("2001:db8::/33", "[2001:db8:8000::1]:5060", false),
        ("0.0.0.0/0", "203.0.113.1:5060", true), ("0.0.0.0/0", "[2001:db8::1]:5060", false),
        ("192.0.2.0/28", "198.51.100.1:5060", false),
    ])
    func `a static trunk is known by its sources alone`(block: String, source: String, isKnown: Bool) throws {
        let bench = peer { $0.sources = [AddressBlock(block)!] }
        let id = try #require(bench.status?.id)
        // What From and the domain say is of no weight.
        let request = try invite("sip:+4930123456@telco.example", from: "<sip:4930123456@telco.example>;tag=1")
        #expect(bench.trunks.identify(request, over: Self.flow(source)) == (isKnown ? .trunk(id) : .stranger))
    }

    @Test func `a static trunk without sources is known by its server's addresses`() throws {
        let bench = peer()
        let id = try #require(bench.status?.id)
        let request = try invite("sip:1@x.example")
        #expect(bench.trunks.identify(request, over: Self.flow("198.51.100.1:49152")) == .trunk(id))
        #expect(bench.trunks.identify(request, over: Self.flow("198.51.100.3:5060")) == .stranger)
    }

    @Test func `two trunks of one provider are told apart by the called number, then by the domain`() throws {
        let bench = TrunkBench()
        for host in ["telco.example", "other.example"] {
            bench.places[host] = .hops([Hop(transport: .udp, endpoint: Endpoint("198.51.100.1:5060")!)])
        }
        var one = TrunkBench.trunk("one", kind: .static)
        one.numbers = [DirectNumber(number: "+4930111", destination: "100")]
        var two = TrunkBench.trunk("two", kind: .static)
        two.server = TrunkServer(host: "other.example")
        two.numbers = [DirectNumber(number: "+4930222", destination: "101")]
        bench.adopt(TrunkBench.settings([one, two]))
        bench.listen()
        func name(_ uri: String) throws -> String? {
            guard case .trunk(let id) = bench.trunks.identify(try invite(uri), over: Self.flow("198.51.100.1:5060"))
            else { return nil }
            return bench.trunks.name(of: id)
        }
        #expect(try name("sip:+4930222@telco.example") == "two")
        #expect(try name("sip:030111@other.example") == "one")
        #expect(try name("sip:+4930999@sip.other.example") == "two")
        #expect(try name("sip:+4930999@192.0.2.1") == "one")
    }

    // MARK: Where it leads

    private func office() -> TrunkBench {
        peer {
            $0.block = DirectDialBlock(base: "+493012345", first: "00", last: "99", extensionPrefix: "1")
            $0.numbers = [
                DirectNumber(number: "+49301234599", destination: "101"),
                DirectNumber(number: "030777", destination: "100"), DirectNumber(number: "4711", destination: "107"),
            ]
        }
    }

    @Test(arguments: [
        ("+49301234507", "107"), ("030 12345-00", "100"), ("004930 1234501", "101"), ("+49301234599", "101"),
        ("+49301234588", "610"), ("+4930123450", "610"), ("+493012345001", "610"), ("+4930777", "100"),
        ("4711", "107"), ("+4989111", "610"), ("nobody", "610"),
    ])
    func `a called number leads to its extension, every other to the default`(number: String, destination: String)
        throws
    {
        let bench = office()
        let id = try #require(bench.status?.id)
        var request = try invite("sip:x@192.0.2.1")
        request.uri.user = number
        #expect(bench.trunks.call(of: request, over: id)?.destination == destination)
    }

    @Test func `without a default only the trunk's numbers lead somewhere`() throws {
        let bench = peer {
            $0.defaultDestination = nil
            $0.numbers = [DirectNumber(number: "+4930777", destination: "100")]
        }
        let id = try #require(bench.status?.id)
        #expect(bench.trunks.call(of: try invite("sip:030777@192.0.2.1"), over: id)?.destination == "100")
        #expect(bench.trunks.call(of: try invite("sip:030778@192.0.2.1"), over: id) == nil)
        #expect(bench.trunks.call(of: try invite("sip:030777@192.0.2.1"), over: TrunkID(99)) == nil)
    }

    @Test func `where the Request-URI is our contact, To or P-Called-Party-ID names the number`() throws {
        let bench = TrunkBench.registering { $0.numbers = [DirectNumber(number: "+4930777", destination: "100")] }
        let token = try #require(bench.sent.first?.request.contact?.uri.user)
        bench.accept()
        let id = try #require(bench.status?.id)
        let byTo = try invite("sip:\(token)@192.0.2.1", to: "<sip:+4930777@telco.example>")
        #expect(bench.trunks.call(of: byTo, over: id)?.destination == "100")
        #expect(bench.trunks.call(of: byTo, over: id)?.calledNumber == "+4930777")
        let byParty = try invite(
            "sip:\(token)@192.0.2.1", to: "<sip:4930123456@telco.example>",
            [(SIPHeaderName("P-Called-Party-ID"), "<sip:+4930777@telco.example>")])
        #expect(bench.trunks.call(of: byParty, over: id)?.destination == "100")
        let byNone = try invite("sip:\(token)@192.0.2.1", to: "<sip:telco.example>")
        #expect(bench.trunks.call(of: byNone, over: id)?.destination == "610")
    }

    // MARK: Who calls

    @Test func `the asserted number is shown so that it can be dialled again`() throws {
        let bench = peer()
        let id = try #require(bench.status?.id)
        let request = try invite(
            "sip:+4930123456@192.0.2.1", from: "\"Eve\" <sip:+49301@evil.example>;tag=1",
            [(.assertedIdentity, "\"Dora\" <sip:+4989777@telco.example>, <tel:+4989777>")])
        let call = try #require(bench.trunks.call(of: request, over: id))
        #expect(call.callerNumber == "+4989777" && call.shownNumber == "0089777" && call.callerName == "Dora")
        let foreign = try invite("sip:1@192.0.2.1", from: "<sip:0033123456789@telco.example>;tag=1")
        #expect(bench.trunks.call(of: foreign, over: id)?.shownNumber == "00033123456789")
    }

    @Test func `where the trunk asserts nothing, From counts`() throws {
        let bench = peer { $0.identity = .from }
        let id = try #require(bench.status?.id)
        let request = try invite(
            "sip:1@192.0.2.1", from: "<sip:+4989111@telco.example>;tag=1", [(.assertedIdentity, "<tel:+4989777>")])
        #expect(bench.trunks.call(of: request, over: id)?.callerNumber == "+4989111")
    }

    @Test(arguments: [
        ("<sip:+4989777@telco.example>;tag=1", "id"), ("<sip:+4989777@telco.example>;tag=1", "user;id"),
        ("\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1", ""), ("<sip:anonymous@telco.example>;tag=1", ""),
        ("<sip:+4989777@telco.example>;tag=1", ";;;"),
    ])
    func `a withheld number is shown to nobody`(from: String, privacy: String) throws {
        let bench = peer()
        let id = try #require(bench.status?.id)
        var fields: [(SIPHeaderName, String)] = [(.assertedIdentity, "\"Dora\" <sip:+4989777@telco.example>")]
        if !privacy.isEmpty { fields.append((.privacy, privacy)) }
        let call = try #require(bench.trunks.call(of: try invite("sip:1@192.0.2.1", from: from, fields), over: id))
        #expect(call.isWithheld && call.callerNumber == nil && call.shownNumber == nil && call.callerName == nil)
    }

    @Test func `Privacy none hides nothing`() throws {
        let bench = peer()
        let id = try #require(bench.status?.id)
        let call = bench.trunks.call(of: try invite("sip:1@192.0.2.1", [(.privacy, "none")]), over: id)
        #expect(call?.callerNumber == "+4989777" && call?.isWithheld == false)
    }

    @Test func `a caller without number has a name at most`() throws {
        let bench = peer()
        let id = try #require(bench.status?.id)
        let request = try invite("sip:1@192.0.2.1", from: "\"Ada\" <sip:ada@telco.example>;tag=1")
        let call = try #require(bench.trunks.call(of: request, over: id))
        #expect(call.callerNumber == nil && call.shownNumber == nil && call.callerName == "Ada" && !call.isWithheld)
    }

    @Test func `a trunk has no more channels than set`() throws {
        let bench = peer { $0.channels = 2 }
        let id = try #require(bench.status?.id)
        #expect(bench.trunks.hasChannel(id, inUse: 1) && !bench.trunks.hasChannel(id, inUse: 2))
        #expect(!bench.trunks.hasChannel(TrunkID(99), inUse: 0))
    }
}
