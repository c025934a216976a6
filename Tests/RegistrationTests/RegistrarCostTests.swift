import Persistence
import Primitives
import Registration
import SIPMessage
import SIPTransaction
import Testing

/// What the store hears, refreshes that are known by their text, and the limits of an edition.
@Suite struct RegistrarCostTests {
    static let contact = "<sip:100@10.0.0.7>"

    @Test func `new bindings reach the store in a quarter of a second, refreshes in five`() {
        var desk = Desk()
        _ = desk.register([Self.contact])
        #expect(desk.registrar.nextDeadline == .origin + .milliseconds(250))
        #expect(desk.registrar.takeDirty(at: .origin + .milliseconds(249)).isEmpty)
        let first = desk.registrar.takeDirty(at: .origin + .milliseconds(250))
        #expect(first.map(\.isRefreshOnly) == [false])
        desk.now = .origin + .seconds(10)
        for cseq in 2...9 { #expect(desk.register([Self.contact], cseq: cseq).outcome == .refreshed) }
        #expect(desk.registrar.nextDeadline == .origin + .seconds(15))
        #expect(desk.registrar.takeDirty(at: .origin + .milliseconds(14_999)).isEmpty)
        let second = desk.registrar.takeDirty(at: .origin + .seconds(15))
        #expect(second.map(\.isRefreshOnly) == [true])
        #expect(second.first?.bindings.first?.cseq == 9)
        #expect(desk.registrar.takeDirty(at: .origin + .seconds(30)).isEmpty)
        #expect(desk.registrar.nextDeadline == .origin + .seconds(3600), "the first expiry, known before the refresh")
    }

    @Test func `a change overtakes the refresh before it`() {
        var desk = Desk()
        _ = desk.register([Self.contact])
        _ = desk.registrar.takeAllDirty(at: desk.now)
        _ = desk.register([Self.contact], cseq: 2)
        _ = desk.register(["<sip:100@10.0.0.9>"], cseq: 3)
        #expect(desk.registrar.takeDirty(at: desk.now + .milliseconds(250)).map(\.isRefreshOnly) == [false])
        #expect(desk.registrar.takeDirty(at: desk.now + .seconds(5)).isEmpty)
        #expect(desk.registrar.nextDeadline == .origin + .seconds(3600))
    }

    @Test func `a batch is bounded and the rest stays due`() {
        var desk = Desk()
        for user in 0..<1_200 { _ = desk.register([Self.contact], callID: "\(user)", user: "u\(user)") }
        let due = desk.now + .milliseconds(250)
        #expect([0, 1, 2, 3].map { _ in desk.registrar.takeDirty(at: due).count } == [500, 500, 200, 0])
        #expect(desk.registrar.nextDeadline == .origin + .seconds(3600))
    }

    /// Each differs from the request before in one thing, and is not to be taken for its repetition.
    @Test(arguments: [
        ["contact": "<sip:100@10.0.0.7>;q=0.3"], ["expires": "300"], ["path": "<sip:10.0.0.2;lr>"], ["flow": "tcp"],
        ["via": "SIP/2.0/UDP 10.0.0.3;branch=z9hG4bKx"], ["supported": "path"], ["to": "<sips:100@pbx.example>"],
        ["via": "SIP/2.0/UDP 10.0.0.7:40000;branch=z9hG4bKx, SIP/2.0/UDP 10.0.0.4;branch=z9hG4bKy"],
    ])
    func `what differs is read anew`(difference: [String: String]) {
        var desk = Desk()
        _ = desk.register([Self.contact], expires: "600")
        var copy = desk
        let answer = copy.register(
            [difference["contact"] ?? Self.contact], expires: difference["expires"] ?? "600", cseq: 2,
            over: difference["flow"] == nil ? Desk.flow : Desk.stream(.tcp, 3),
            via: difference["via"] ?? "SIP/2.0/UDP 10.0.0.7:40000;branch=z9hG4bKx", supported: difference["supported"],
            to: difference["to"], more: difference["path"].map { [.init(.path, $0)] } ?? [])
        // The whole way and the short way agree on everything, as a fresh registrar shows.
        var fresh = Desk()
        let wanted = fresh.register(
            [difference["contact"] ?? Self.contact], expires: difference["expires"] ?? "600", cseq: 2,
            over: difference["flow"] == nil ? Desk.flow : Desk.stream(.tcp, 3),
            via: difference["via"] ?? "SIP/2.0/UDP 10.0.0.7:40000;branch=z9hG4bKx", supported: difference["supported"],
            to: difference["to"], more: difference["path"].map { [.init(.path, $0)] } ?? [])
        #expect(answer.status == wanted.status)
        #expect(answer.fields == wanted.fields)
        if wanted.status == 200 { #expect(copy.stored().map(\.flow) == fresh.stored().map(\.flow)) }
    }

    @Test func `a refresh prolongs every contact of its request and none of others`() {
        var desk = Desk()
        _ = desk.register([Self.contact, "<sip:100@10.0.0.8>;expires=120"], expires: "600")
        _ = desk.register(["<sip:100@10.0.0.9>"], expires: "600", callID: "b")
        desk.now = .origin + .seconds(60)
        let answer = desk.register([Self.contact, "<sip:100@10.0.0.8>;expires=120"], expires: "600", cseq: 2)
        #expect(answer.outcome == .refreshed)
        #expect(
            answer.fields.map(\.value) == [
                "<sip:100@10.0.0.7>;expires=600", "<sip:100@10.0.0.8>;expires=120", "<sip:100@10.0.0.9>;expires=540",
            ])
        desk.registrar.expire(at: .origin + .seconds(121))
        #expect(desk.contacts().count == 3)
        desk.now = .origin + .seconds(181)
        desk.registrar.expire(at: desk.now)
        #expect(desk.contacts().count == 2)
        // One of its contacts is gone, so the same words now make it anew.
        #expect(
            desk.register([Self.contact, "<sip:100@10.0.0.8>;expires=120"], expires: "600", cseq: 3).outcome == .changed
        )
        #expect(desk.contacts().count == 3)
    }

    @Test func `an old number does not refresh`() {
        var desk = Desk()
        _ = desk.register([Self.contact], cseq: 7)
        #expect(desk.register([Self.contact], cseq: 6).status == 500)
    }

    // MARK: Editions

    @Test func `an edition's devices are counted by host or instance, and what is registered stays`() {
        var desk = Desk()
        desk.registrar.policy.devicesPerUser = 2
        _ = desk.register(["<sip:100@10.0.0.1>"], callID: "a")
        _ = desk.register(["<sip:100@10.0.0.2>"], callID: "b")
        let third = desk.register(["<sip:100@10.0.0.3>"], callID: "c")
        #expect(third.status == 403)
        #expect(third.reason.contains("Devices"))
        #expect(desk.register(["<sip:100@10.0.0.2:7000>"], callID: "b2").status == 200, "the same host, another port")
        desk.registrar.policy.devicesPerUser = 1
        #expect(desk.register(["<sip:100@10.0.0.1>"], callID: "a", cseq: 2).status == 200)
        #expect(desk.register(["<sip:100@10.0.0.1>"], expires: "0", callID: "a", cseq: 3).status == 200)
    }

    @Test func `an edition's registered users are counted, and one who leaves makes room`() {
        var desk = Desk()
        desk.registrar.policy.registeredUsers = 1
        #expect(desk.register([Self.contact]).status == 200)
        let second = desk.register(["<sip:101@10.0.0.8>"], user: "101")
        #expect(second.status == 503)
        #expect(second.fields.contains(.init(.retryAfter, "300")))
        #expect(desk.register([], user: "101").status == 200, "a fetch binds nothing")
        #expect(desk.register([Self.contact], cseq: 2).status == 200)
        desk.registrar.removeAll(of: "100", at: desk.now)
        #expect(desk.register(["<sip:101@10.0.0.8>"], cseq: 2, user: "101").status == 200)
    }

    @Test func `an edition's devices are counted over all users, and who is registered stays`() {
        var desk = Desk()
        desk.registrar.policy.registeredDevices = 2
        #expect(desk.register(["<sip:100@10.0.0.1>"], callID: "a").status == 200)
        #expect(desk.register(["<sip:101@10.0.0.8>"], user: "101").status == 200)
        let third = desk.register(["<sip:100@10.0.0.2>"], callID: "b")
        #expect(third.status == 503 && third.reason.contains("Devices"))
        #expect(desk.register(["<sip:100@10.0.0.1>"], callID: "a", cseq: 2).status == 200)
        desk.registrar.policy.registeredDevices = 1
        #expect(desk.register(["<sip:101@10.0.0.8>"], cseq: 2, user: "101").status == 200)
    }
}
