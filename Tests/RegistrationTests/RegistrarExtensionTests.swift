import Persistence
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import Testing

/// Path, outbound flows, GRUU, q-values and push parameters.
@Suite struct RegistrarExtensionTests {
    static let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""
    static let path = SIPHeaders.Field(.path, "<sip:near.example;lr>, <sip:edge@10.0.0.2:5080;lr;ob>")
    static let proxied = "SIP/2.0/UDP 10.0.0.2:5080;branch=z9hG4bKp, SIP/2.0/UDP 10.0.0.7;branch=z9hG4bKx"

    // MARK: Path

    @Test func `the path is the route to the binding, returned to who knows it, and survives a restart`() {
        var desk = Desk()
        let answer = desk.register(
            ["<sip:100@192.168.1.7>"], via: Self.proxied, supported: "path", more: [Self.path])
        #expect(
            answer.fields.filter { $0.name == .path }.map(\.value) == [
                "<sip:near.example;lr>", "<sip:edge@10.0.0.2:5080;lr;ob>",
            ])
        let binding = desk.registrar.bindings(of: "100", at: desk.now).first
        #expect(binding?.path.map(\.uri.host) == ["near.example", "10.0.0.2"])
        var registrar = Registrar(limits: Limits())
        registrar.restore(desk.stored(), of: "100", at: .origin, wall: desk.wall)
        #expect(registrar.bindings(of: "100", at: .origin).first?.path == binding?.path)
    }

    @Test func `requests go to the first proxy of the path`() {
        var desk = Desk()
        let path = SIPHeaders.Field(.path, "<sip:10.0.0.2:5080;lr>")
        _ = desk.register(["<sip:100@192.168.1.7>"], via: Self.proxied, more: [path])
        let via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKp"
        _ = desk.register(["<sip:100@192.168.1.8>"], callID: "b", via: via, more: [path])
        #expect(
            desk.registrar.bindings(of: "100", at: desk.now).map(\.flow.remote) == [
                Endpoint("10.0.0.2:5080"), Endpoint("10.0.0.7:40000"),
            ])
    }

    @Test func `a phone that knows no path is taken, and refused where the policy is strict`() {
        var desk = Desk()
        let lenient = desk.register(["<sip:100@10.0.0.7>"], more: [Self.path])
        #expect(lenient.status == 200)
        #expect(!lenient.fields.contains { $0.name == .path })
        desk.registrar.policy.pathSupport = .strict
        let strict = desk.register(["<sip:100@10.0.0.7>"], cseq: 2, more: [Self.path, .init(.expires, "60")])
        #expect(strict.status == 420)
        #expect(strict.fields.first == .init(.unsupported, "path"))
    }

    @Test(arguments: [("path", 200), ("outbound, gruu", 200), ("path, 100rel", 420), ("sip.pns", 420)])
    func `what a registration requires must be known`(options: String, status: Int) {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>"], more: [.init(.require, options)])
        #expect(answer.status == status)
        #expect(desk.contacts().count == (status == 200 ? 1 : 0))
    }

    @Test func `service routes are returned when there are any`() throws {
        var desk = Desk()
        #expect(!desk.register(["<sip:100@10.0.0.7>"]).fields.contains { $0.name == .serviceRoute })
        desk.registrar.policy.serviceRoutes = [try NameAddress(parsing: "<sip:out.example;lr>")]
        let answer = desk.register(["<sip:100@10.0.0.7>"], expires: "600", cseq: 2)
        #expect(answer.fields.contains(.init(.serviceRoute, "<sip:out.example;lr>")))
    }

    // MARK: Outbound

    @Test func `flows of one device are told apart by reg-id alone and ring one at a time`() {
        var desk = Desk()
        for flow in 1...2 {
            let answer = desk.register(
                ["<sip:100@10.0.0.7;transport=tcp>;reg-id=\(flow);\(Self.instance)"], callID: "f\(flow)",
                over: Desk.stream(.tcp, UInt64(flow)), supported: "path, outbound")
            #expect(answer.fields.contains(.init(.require, "outbound")))
            #expect(answer.fields.contains(.init(.flowTimer, "120")))
        }
        _ = desk.register(["<sip:100@10.0.0.8>"], callID: "other")
        #expect(desk.contacts().count == 3)
        let ranks = desk.registrar.ranks(of: "100", at: desk.now)
        #expect(ranks.map { $0.map { $0.flow.connection } } == [[nil, 2]])
        let others = ranks[0].flatMap { desk.registrar.alternates(to: $0, of: "100", at: desk.now) }
        #expect(others.map(\.flow.connection) == [1])
        desk.registrar.flowClosed(Desk.stream(.tcp, 2), at: desk.now)
        #expect(desk.registrar.ranks(of: "100", at: desk.now).map { $0.map { $0.flow.connection } } == [[nil, 1]])
    }

    @Test func `a flow made anew replaces the old one, and refreshes keep Require and Flow-Timer`() {
        var desk = Desk()
        let contact = "<sip:100@10.0.0.7:1;transport=tcp>;reg-id=1;\(Self.instance)"
        _ = desk.register([contact], over: Desk.stream(.tcp, 1), supported: "outbound")
        let moved = "<sip:100@10.0.0.7:2;transport=tcp>;reg-id=1;\(Self.instance)"
        _ = desk.register([moved], callID: "b", over: Desk.stream(.tcp, 2), supported: "outbound")
        #expect(desk.registrar.bindings(of: "100", at: desk.now).map(\.flow.connection) == [2])
        let refresh = desk.register([moved], callID: "b", cseq: 2, over: Desk.stream(.tcp, 2), supported: "outbound")
        #expect(refresh.outcome == .refreshed)
        #expect(refresh.fields.contains(.init(.require, "outbound")))
    }

    @Test func `without outbound on both sides a reg-id makes no flow`() {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>;reg-id=1;\(Self.instance)"])
        #expect(!answer.fields.contains { $0.name == .require })
        #expect(desk.registrar.bindings(of: "100", at: desk.now).map(\.isOutbound) == [false])
        let noInstance = desk.register(["<sip:100@10.0.0.8>;reg-id=1"], cseq: 2, supported: "outbound")
        #expect(!noInstance.fields.contains { $0.name == .require })
    }

    @Test(arguments: [("<sip:edge.example;lr>", 439), ("<sip:edge.example;lr;ob>", 200)])
    func `a flow needs a first hop that keeps it`(path: String, status: Int) {
        var desk = Desk()
        let answer = desk.register(
            ["<sip:100@10.0.0.7>;reg-id=1;\(Self.instance)"], via: Self.proxied, supported: "path, outbound",
            more: [.init(.path, path)])
        #expect(answer.status == status)
    }

    @Test func `a flow is registered by itself`() {
        var desk = Desk()
        let contacts = ["<sip:100@10.0.0.7>;reg-id=1;\(Self.instance)", "<sip:100@10.0.0.8>"]
        #expect(desk.register(contacts, supported: "outbound").status == 400)
    }

    // MARK: GRUU

    @Test func `a device that asks has a GRUU, which leads to it alone`() throws {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>;\(Self.instance)"], supported: "gruu")
        _ = desk.register(["<sip:100@10.0.0.8>"], callID: "b", supported: "gruu")
        let contact = try NameAddress(parsing: try #require(answer.fields.first?.value))
        let text = try #require(contact.parameters["pub-gruu"])
        #expect(text == "sip:100@pbx.example;gr=urn:uuid:00000000-0000-1000-8000-000A95A0E128")
        let gruu = try SIPURI(parsing: text)
        #expect(desk.registrar.resolve(gruu: gruu, at: desk.now)?.map(\.contact.uri.host) == ["10.0.0.7"])
        #expect(desk.registrar.resolve(gruu: SIPURI(user: "100", host: "pbx.example"), at: desk.now) == nil)
        let stranger = try SIPURI(parsing: "sip:100@pbx.example;gr=urn:uuid:9")
        #expect(desk.registrar.resolve(gruu: stranger, at: desk.now) == [])
        #expect(desk.register(["<\(text)>"], callID: "c").status == 403)
    }

    @Test func `who does not ask for a GRUU gets none`() {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>;\(Self.instance)"])
        #expect(answer.fields.first?.value.contains("gruu") == false)
    }

    // MARK: Selection

    @Test func `equal preferences ring together, lower ones after them`() {
        var desk = Desk()
        _ = desk.register([
            "<sip:100@10.0.0.1>;q=0.5", "<sip:100@10.0.0.2>", "<sip:100@10.0.0.3>;q=0.5", "<sip:100@10.0.0.4>;q=0",
            "<sip:100@10.0.0.5>;q=2",
        ])
        #expect(
            desk.registrar.ranks(of: "100", at: desk.now).map { $0.map(\.contact.uri.host).sorted() } == [
                ["10.0.0.2", "10.0.0.5"], ["10.0.0.1", "10.0.0.3"], ["10.0.0.4"],
            ])
    }

    @Test func `a sips address takes sips contacts, and a sips call reaches those alone`() {
        var desk = Desk()
        let to = "<sips:100@pbx.example>"
        #expect(desk.register(["<sip:100@10.0.0.7>"], to: to).status == 400)
        let tls = Desk.stream(.tls, 1)
        #expect(desk.register(["<sips:100@10.0.0.7>"], over: tls, to: to).status == 200)
        #expect(desk.register(["<sip:100@10.0.0.8>"], callID: "b").status == 200)
        #expect(desk.registrar.ranks(of: "100", at: desk.now).flatMap { $0 }.count == 2)
        let secure = desk.registrar.ranks(of: "100", secure: true, at: desk.now).flatMap { $0 }
        #expect(secure.map(\.contact.uri.description) == ["sips:100@10.0.0.7"])
    }

    @Test func `unknown parameters and those of push services are kept`() throws {
        var desk = Desk()
        let contact =
            "\"Ada\" <sip:100@10.0.0.7;pn-provider=acme;pn-param=a%3Bb;pn-prid=00fc>;methods=\"INVITE,ACK\";+x.y=\"<z>\""
        let answer = desk.register([contact])
        let value = try #require(answer.fields.first?.value)
        let back = try NameAddress(parsing: value)
        #expect(back.parameters["methods"] == "INVITE,ACK")
        #expect(back.parameters["+x.y"] == "<z>")
        #expect(back.displayName == "Ada")
        let push = desk.registrar.bindings(of: "100", at: desk.now).first?.push
        #expect(push?.provider == "acme")
        #expect(push?.resourceID == "00fc")
        #expect(push?.parameter == "a;b")
        #expect(!answer.fields.contains { $0.value.contains("sip.pns") })
    }
}
