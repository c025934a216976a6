import Persistence
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import Testing

@Suite struct RegistrarTests {
    @Test func `a contact is bound for as long as it asks and listed with what is left`() throws {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7:40000>;q=0.5"], expires: "600")
        #expect(answer.status == 200)
        #expect(answer.outcome == .changed)
        #expect(desk.stored().map(\.expiresAt) == [desk.wall + .seconds(600)])
        desk.now = desk.now + .seconds(100)
        let fetched = desk.register([], cseq: 2)
        #expect(fetched.outcome == .unchanged)
        let contact = try NameAddress(parsing: #require(fetched.fields.first?.value))
        #expect(contact.parameters["expires"] == "500")
        #expect(contact.parameters["q"] == "0.5")
    }

    @Test(arguments: [
        (nil, nil, 3600), ("7200", nil, 3600), ("600", nil, 600), (nil, "120", 120), ("600", "120", 120),
        ("rubbish", nil, 3600), (nil, "rubbish", 3600), ("99999999999", nil, 3600),
    ])
    func `expiry is the contact's wish, else the field's, within the limit`(
        field: String?, parameter: String?, granted: Int
    ) {
        var desk = Desk()
        let contact = "<sip:100@10.0.0.7>" + (parameter.map { ";expires=\($0)" } ?? "")
        _ = desk.register([contact], expires: field)
        #expect(desk.stored().map(\.expiresAt) == [desk.wall + .seconds(granted)])
    }

    @Test(arguments: [1, 30, 59])
    func `too brief an interval is refused with the shortest one`(seconds: Int) {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>"], expires: "\(seconds)")
        #expect(answer.status == 423)
        #expect(answer.fields == [.init(.minExpires, "60")])
        #expect(desk.contacts().isEmpty)
    }

    @Test func `expires 0 removes one binding, a wildcard all of them`() {
        var desk = Desk()
        _ = desk.register(["<sip:100@10.0.0.7>", "<sip:100@10.0.0.8>", "<sip:100@10.0.0.9>"])
        #expect(desk.register(["<sip:100@10.0.0.8>;expires=0"], cseq: 2).status == 200)
        #expect(desk.contacts().count == 2)
        #expect(desk.register(["*"], expires: "600", cseq: 3).status == 400)
        #expect(desk.register(["*"], cseq: 3).status == 400)
        let answer = desk.register(["*"], expires: "0", cseq: 3)
        #expect(answer.status == 200)
        #expect(answer.outcome == .changed)
        #expect(desk.registrar.takeAllDirty(at: desk.now).map(\.bindings) == [[]])
        #expect(desk.registrar.registeredCount == 0)
    }

    @Test func `a repeated request is answered again and changes nothing`() {
        var desk = Desk()
        let first = desk.register(["<sip:100@10.0.0.7>;expires=600"], cseq: 5)
        desk.now = desk.now + .seconds(10)
        let again = desk.register(["<sip:100@10.0.0.7>;expires=600"], cseq: 5)
        #expect(again.status == 200)
        #expect(again.outcome == .unchanged)
        #expect(again.fields.map(\.value) == ["<sip:100@10.0.0.7>;expires=590"])
        #expect(first.fields.map(\.value) == ["<sip:100@10.0.0.7>;expires=600"])
        #expect(desk.register(["*"], expires: "0", cseq: 6).outcome == .changed)
        #expect(desk.register(["*"], expires: "0", cseq: 6).outcome == .unchanged)
    }

    @Test func `within a Call-ID only a higher CSeq changes a binding`() {
        var desk = Desk()
        _ = desk.register(["<sip:100@10.0.0.7>"], callID: "a", cseq: 5)
        #expect(desk.register(["<sip:100@10.0.0.7>;expires=0"], callID: "a", cseq: 5).status == 500)
        #expect(desk.register(["*"], expires: "0", callID: "a", cseq: 4).status == 500)
        #expect(desk.contacts().count == 1)
        #expect(desk.register(["<sip:100@10.0.0.7>;expires=0"], callID: "b", cseq: 1).status == 200)
        #expect(desk.contacts().isEmpty)
    }

    @Test func `one offender in a request leaves every binding as it was`() {
        var desk = Desk()
        let answer = desk.register(["<sip:100@10.0.0.7>", "<sip:100@10.0.0.8>;expires=10"])
        #expect(answer.status == 423)
        #expect(desk.contacts().isEmpty)
        #expect(desk.register(["<sip:100@10.0.0.7>", "<mailto:ada@pbx.example>"]).status == 400)
        #expect(desk.contacts().isEmpty)
    }

    @Test func `the eleventh binding pushes out the one longest without a refresh`() {
        var desk = Desk()
        let limit = Limits().bindingsPerUser
        for index in 0..<limit { _ = desk.register(["<sip:100@10.0.0.7:\(1000 + index)>"], cseq: index + 1) }
        _ = desk.register(["<sip:100@10.0.0.7:1000>"], cseq: 50)
        let answer = desk.register(["<sip:100@10.0.0.7:2000>"], cseq: 51)
        #expect(answer.evictedCount == 1)
        #expect(desk.contacts().count == limit)
        #expect(!desk.contacts().contains("sip:100@10.0.0.7:1001"))
        #expect(desk.contacts().contains("sip:100@10.0.0.7:1000"))
        let many = (0...limit).map { "<sip:100@10.0.0.7:\(3000 + $0)>" }
        #expect(desk.register(many, cseq: 60).status == 413)
    }

    @Test func `a device that comes back on another port replaces its binding`() {
        var desk = Desk()
        let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\""
        _ = desk.register(["<sip:100@10.0.0.7:1000>;\(instance)"], callID: "a")
        _ = desk.register(["<sip:100@10.0.0.7:2000>;\(instance)"], callID: "b")
        #expect(desk.contacts() == ["sip:100@10.0.0.7:2000"])
    }

    @Test func `bindings end by their deadline and not before`() {
        var desk = Desk()
        _ = desk.register(["<sip:100@10.0.0.7>;expires=60", "<sip:100@10.0.0.8>;expires=120"])
        _ = desk.registrar.takeAllDirty(at: desk.now)
        #expect(desk.registrar.nextDeadline == .origin + .seconds(60))
        desk.registrar.expire(at: .origin + .seconds(59))
        #expect(desk.registrar.takeAllDirty(at: desk.now).isEmpty)
        desk.registrar.expire(at: .origin + .seconds(60))
        #expect(desk.registrar.takeAllDirty(at: desk.now).map(\.bindings.count) == [1])
        #expect(desk.registrar.nextDeadline == .origin + .seconds(120))
        desk.registrar.expire(at: .origin + .seconds(120))
        #expect(desk.registrar.takeAllDirty(at: desk.now).map(\.bindings) == [[]])
        #expect(desk.registrar.nextDeadline == nil)
        #expect(desk.registrar.registeredCount == 0)
    }

    @Test func `a closed connection takes its bindings along`() {
        var desk = Desk()
        var connection = Desk.flow
        connection.transport = .tls
        connection.connection = 9
        _ = desk.register(["<sip:100@10.0.0.7;transport=tls>"], over: connection)
        _ = desk.register(["<sip:100@10.0.0.8>"], cseq: 2)
        desk.registrar.flowClosed(Desk.flow, at: desk.now)
        #expect(desk.contacts().count == 2)
        desk.registrar.flowClosed(connection, at: desk.now)
        #expect(desk.contacts() == ["sip:100@10.0.0.8"])
        #expect(desk.stored().count == 1)
    }

    @Test(arguments: [
        ("<sip:100@10.0.0.7:5070;transport=tcp>", "10.0.0.7:5070"),
        ("<sip:100@10.0.0.7;transport=tcp>", "10.0.0.7:5060"),
        ("<sip:100@192.168.1.7:5070;transport=tcp>", nil),  // behind an address translator
        ("<sip:100@phone.example;transport=tcp>", nil),
        ("<sip:100@10.0.0.7:5070;transport=tcp>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"", nil),  // a flow of its own
    ])
    func `a phone that closes its TCP connection is dialled if it can be`(contact: String, dialled: String?) {
        var desk = Desk()
        let connection = Desk.stream(.tcp, 9)
        #expect(desk.register([contact], over: connection, supported: "outbound").status == 200)
        desk.registrar.flowClosed(connection, at: desk.now)
        let flow = desk.registrar.bindings(of: "100", at: desk.now).first?.flow
        #expect(flow?.remote == dialled.flatMap { Endpoint($0) })
        #expect(flow?.connection == nil)
    }

    @Test func `bindings survive a restart and use the new listener`() {
        var desk = Desk()
        _ = desk.register(["<sip:100@10.0.0.7:40000>"], expires: "300")
        let records = desk.stored()

        var registrar = Registrar(limits: Limits())
        registrar.restore(records, of: "100", at: .origin, wall: desk.wall + .seconds(100))
        registrar.listening(on: [
            ListenerAddress(.udp, Endpoint("127.0.0.1:5070")!), ListenerAddress(.tcp, Endpoint("10.0.0.1:5060")!),
            ListenerAddress(.udp, Endpoint("10.0.0.1:5070")!),
        ])
        let bindings = registrar.bindings(of: "100", at: .origin)
        #expect(bindings.map(\.contact.uri.description) == ["sip:100@10.0.0.7:40000"])
        #expect(bindings.first?.flow.local == Endpoint("10.0.0.1:5070"))
        #expect(bindings.first?.expiresAt == .origin + .seconds(200))
        #expect(bindings.first?.record.callID == records.first?.callID)
        #expect(registrar.takeAllDirty(at: .origin).isEmpty, "the store knows what it gave")
    }

    @Test func `streams come back without connection, and are called if they can be dialled`() {
        var desk = Desk()
        let instance = "+sip.instance=\"<urn:uuid:7>\""
        let contacts = [
            "<sip:100@10.0.0.7:5070;transport=tcp>", "<sip:100@192.168.1.2;transport=tcp>",
            "<sip:100@10.0.0.7:5071;transport=tcp>;reg-id=1;\(instance)",
        ]
        for (index, contact) in contacts.enumerated() {
            let answer = desk.register(
                [contact], callID: "\(index)", over: Desk.stream(.tcp, UInt64(index)), supported: "outbound")
            #expect(answer.status == 200)
        }
        var registrar = Registrar(limits: Limits())
        registrar.restore(desk.stored(), of: "100", at: .origin, wall: desk.wall)
        #expect(registrar.bindings(of: "100", at: .origin).count == 3)
        let callable = registrar.ranks(of: "100", at: .origin).flatMap { $0 }
        #expect(callable.map(\.contact.uri.description) == ["sip:100@10.0.0.7:5070;transport=tcp"])
        #expect(callable.first?.flow.remote == Endpoint("10.0.0.7:5070"))
        #expect(callable.first?.flow.connection == nil)
        #expect(registrar.bindings(of: "100", at: .origin).first { $0.instance != nil }?.isOutbound == true)
    }

    @Test func `a wrong wall clock does not prolong what is restored, and rubbish is left out`() {
        var registrar = Registrar(limits: Limits())
        func record(_ contact: String, _ flow: String, _ seconds: Int64) -> BindingRecord {
            BindingRecord(
                contact: contact, callID: "a", cseq: 1, expiresAt: UnixTime(seconds: seconds), flow: flow)
        }
        let flow = "UDP 10.0.0.1:5060 10.0.0.7:40000"
        registrar.restore(
            [
                record("<sip:100@10.0.0.7>", flow, 9_000_000_000), record("<sip:100@10.0.0.8>", flow, 5),
                record("<sip:", flow, 9_000_000_000), record("<sip:100@10.0.0.9>", "UDP nowhere", 9_000_000_000),
            ], of: "100", at: .origin, wall: UnixTime(seconds: 1000))
        #expect(registrar.bindings(of: "100", at: .origin).map(\.expiresAt) == [.origin + .seconds(3600)])
    }

    @Test(arguments: [
        // Contact, Via, where requests go
        ("sip:100@10.0.0.7:40000", "10.0.0.7:40000", "10.0.0.7:40000"),
        ("sip:100@10.0.0.7:15064", "10.0.0.7:40000", "10.0.0.7:15064"),  // same host, another port
        ("sip:100@10.0.0.9", "10.0.0.7:40000", "10.0.0.9:5060"),  // follows the Contact
        ("sip:100@192.168.1.2:5060", "192.168.1.2:5060", "10.0.0.7:40000"),  // behind a NAT
        ("sip:100@phone.example", "10.0.0.7:40000", "10.0.0.7:40000"),  // names are not resolved
    ])
    func `requests go to the contact, or to the source when a NAT is in between`(
        contact: String, sentBy: String, remote: String
    ) {
        var desk = Desk()
        _ = desk.register(["<\(contact)>"], via: "SIP/2.0/UDP \(sentBy);branch=z9hG4bKx;rport")
        #expect(desk.registrar.bindings(of: "100", at: desk.now).map(\.flow.remote) == [Endpoint(remote)!])
    }

    @Test func `users who are no more lose their bindings`() {
        var desk = Desk()
        _ = desk.register(["<sip:100@10.0.0.7>"])
        _ = desk.registrar.takeAllDirty(at: desk.now)
        desk.registrar.keepOnly(at: desk.now) { $0 == "100" }
        #expect(desk.registrar.takeAllDirty(at: desk.now).isEmpty)
        desk.registrar.keepOnly(at: desk.now) { _ in false }
        #expect(desk.registrar.takeAllDirty(at: desk.now).map(\.addressOfRecord) == ["100"])
        #expect(desk.registrar.registeredCount == 0)
    }

    @Test func `mutated contacts never trap and never leave more than the limit`() {
        var generator = SeededGenerator(seed: 3)
        var desk = Desk()
        let valid = Array("\"Ada\" <sip:100@10.0.0.7:4000;transport=udp>;q=0.7;expires=300, <sip:a@[2001:db8::1]>".utf8)
        for cseq in 1...500 {
            var bytes = valid
            for _ in 0..<(1 + generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next() % 128)
            }
            _ = desk.register([String(decoding: bytes, as: UTF8.self)], cseq: cseq)
            #expect(desk.contacts().count <= Limits().bindingsPerUser)
        }
    }
}
