import CallControl
import Media
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// Telephones that are gone without a word, and those that are not: the appliance's own session timers (RFC 4028).
///
/// Nobody sends media here, as in a call on hold: the session timers alone must notice.
@Suite struct SilentPeerTests {
    /// What a telephone says of session timers.
    enum Timers: String, CaseIterable, Sendable {
        /// Nothing: it does not know them.
        case none
        /// It refreshes.
        case itself
        /// We are to refresh.
        case us
    }

    enum Vanishing: String, CaseIterable, Sendable { case caller, callee, both }

    private let desk: Desk

    init() { desk = Desk() }
    private init(desk: Desk) { self.desk = desk }

    private func fields(_ timers: Timers, calling: Bool) -> [SIPHeaders.Field] {
        switch (timers, calling) {
        case (.none, _): []
        case (.itself, true): [.init(.sessionExpires, "1800;refresher=uac"), .init(.supported, "timer")]
        case (.us, true): [.init(.sessionExpires, "1800;refresher=uas"), .init(.supported, "timer")]
        case (.itself, false): [.init(.sessionExpires, "600;refresher=uas"), .init(.require, "timer")]
        case (.us, false): [.init(.sessionExpires, "600;refresher=uac"), .init(.require, "timer")]
        }
    }

    private func talk(_ caller: Timers, _ callee: Timers) throws -> (a: Line, b: Line) {
        try desk.talk(fields: fields(caller, calling: true), answering: fields(callee, calling: false))
    }

    /// Answers every request but BYE with what the telephone says of timers; INVITE with a description.
    private func answer(_ line: Line, _ timers: Timers, status: Int = 200, refreshes: inout Int) throws {
        let peer = line.peer
        while peer.has(.update) || peer.has(.invite) {
            let request = try peer.take(peer.has(.update) ? .update : .invite)
            refreshes += 1
            let expires = timers == .none ? [] : fields(.us, calling: false)
            let body = request.method == .invite && status == 200 ? sdp(["PCMU"], port: peer.flow.remote.port + 1) : []
            peer.respond(request, status, body, fields: expires)
            if request.method == .invite { _ = try peer.take(.ack) }
        }
    }

    private func hold(_ line: Line) throws {
        let port = line.peer.flow.remote.port - 10_000
        #expect(
            try line.request(.invite, sdp(["PCMU"], port: port, direction: "sendonly", version: 2)).status == 200)
    }

    @Test(arguments: Vanishing.allCases, Timers.allCases)
    func `a telephone that vanishes from a call on hold ends it within the session interval`(
        gone: Vanishing, timers: Timers
    ) throws {
        for allow in ["INVITE, ACK, BYE, CANCEL", "INVITE, ACK, BYE, CANCEL, UPDATE"] {
            let desk = Desk()
            desk.ada.allow = allow
            desk.bob.allow = allow
            let test = SilentPeerTests(desk: desk)
            let (a, b) = try test.talk(timers, timers)
            try test.hold(a)
            let lost: [Peer] = gone == .caller ? [desk.ada] : gone == .callee ? [desk.bob] : [desk.ada, desk.bob]
            desk.world.loses = { _, peer in lost.contains { $0 === peer } }
            let start = desk.world.now
            let interval = CallTimers().session.interval
            var refreshes = 0
            while desk.world.control.activeCount > 0, desk.world.now - start < .seconds(4 * interval) {
                desk.world.advance(by: .seconds(2))
                for line in [a, b] where !lost.contains(where: { $0 === line.peer }) {
                    try test.answer(line, timers, refreshes: &refreshes)
                    if timers == .itself, !line.peer.has(.bye),
                        (desk.world.now - start) >= .seconds(100 * (refreshes + 1))
                    {
                        refreshes += 1
                        line.peer.send(line.make(.update, fields: test.fields(.itself, calling: true)))
                        #expect(try line.peer.response().status == 200)
                    }
                }
            }
            #expect(desk.world.now - start <= .seconds(interval), "\(gone), \(timers), \(allow)")
            for line in [a, b] where !lost.contains(where: { $0 === line.peer }) {
                #expect(try line.takeBye().reasons().first?.cause == 408)
            }
            desk.world.expectNothingLeft()
        }
    }

    @Test(arguments: [200, 488, 405, 403, 500, 603, 420])
    func `telephones that know no timers keep their call as long as they answer at all`(status: Int) throws {
        let (a, b) = try talk(.none, .none)
        var refreshes = 0
        for _ in 0..<1_800 {
            desk.world.advance(by: .seconds(2))
            try answer(a, .none, status: status, refreshes: &refreshes)
            try answer(b, .none, status: status, refreshes: &refreshes)
        }
        #expect(refreshes >= 2 * 11, "an hour, every 300 s, both")
        #expect(refreshes <= 4 * 12)
        #expect(desk.world.control.activeCount == 1)
        try desk.end(a, b)
    }

    @Test func `a telephone that has forgotten the call ends it at the next refresh`() throws {
        let (a, _) = try talk(.us, .none)
        desk.world.advance(by: .milliseconds(300_100))
        desk.bob.respond(try desk.bob.take(.update), 481)
        #expect(try desk.bob.take(.bye).reasons().first?.cause == 481)
        var refreshes = 0
        try answer(a, .us, refreshes: &refreshes)
        try a.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `what we ask for and grant by default is 600 s, refreshed by us where that is left to us`() throws {
        let invite = desk.ada.invite(supported: "timer")
        let incoming = try desk.bob.take(.invite)
        #expect(try incoming.sessionExpires() == SessionExpires(seconds: 600))
        #expect(try incoming.minSE() == 90)
        let b = try desk.bob.answer(incoming)
        let response = try desk.ada.response()
        #expect(try response.sessionExpires() == SessionExpires(seconds: 600, refresher: .uas))
        try desk.end(try desk.ada.confirm(invite, response), b)
    }

    @Test(arguments: [("3600", 600), ("300", 300), ("90", 90)])
    func `a caller's interval is shortened, never lengthened`(asked: String, granted: Int) throws {
        let (a, b) = try desk.talk(supported: "timer", fields: [.init(.sessionExpires, "\(asked);refresher=uas")])
        let response = try a.request(
            .update, fields: [.init(.sessionExpires, "\(asked);refresher=uac"), .init(.supported, "timer")])
        #expect(try response.sessionExpires() == SessionExpires(seconds: granted, refresher: .uac))
        try desk.end(a, b)
    }
}

/// The same over lines and over connections.
@Suite struct SilentLineTests {
    @Test func `a line is asked for 1800 s, and one that has vanished ends the call within them`() throws {
        let board = Switchboard()
        let ada = board.phone("100", port: 40_000)
        let line = board.phone("+4930111", port: 5070)
        board.ranks["+4930111"] = [
            [CallTarget(party: board.party("+4930111"), uri: line.contact, flow: line.flow, line: LineID(1))]
        ]
        let invite = ada.invite("+4930111")
        let incoming = try line.nextRequest(.invite)
        #expect(try incoming.sessionExpires()?.seconds == 1_800)
        let far = try line.answer(incoming)
        let near = try ada.confirm(invite)
        let start = board.now
        while board.control.activeCount > 0, board.now - start < .seconds(3_600) {
            board.advance(by: .seconds(2))
            while ada.has(.invite) { _ = try near.takeReinvite() }
        }
        #expect(board.now - start <= .seconds(1_000), "at half the time, and the refresh's own time")
        try near.takeBye()
        _ = far
        board.expectNothingLeft()
    }

    @Test func `a connection that closes does not end a call whose telephone comes back in time`() throws {
        let board = Switchboard()
        let ada = board.phone("100", port: 40_000)
        let bob = board.phone("101", port: 40_100)
        let (near, far) = try ada.call(bob)
        board.advance(by: .milliseconds(300_100))
        #expect(ada.has(.invite) && bob.has(.invite), "both are refreshed")
        _ = try near.takeReinvite()
        board.closeFlow(bob.flow)
        board.advance(by: .seconds(5))
        #expect(board.control.activeCount == 1)
        bob.inbox = []
        board.advance(by: .seconds(6))
        _ = try far.takeReinvite()
        try near.hangUp()
        try far.takeBye()
        board.expectNothingLeft()
    }

    @Test func `a connection that closes while a silent telephone is asked whether it lives says nothing`() throws {
        let desk = Desk()
        let (a, _) = try desk.talk()
        desk.world.silence(.b)
        #expect(desk.bob.has(.options))
        desk.world.closeFlow(desk.bob.flow)
        #expect(desk.world.control.activeCount == 1)
        desk.bob.inbox = []
        desk.world.silence(.b)
        #expect(desk.bob.has(.options), "it is asked again")
        desk.world.advance(by: .seconds(33))
        try a.takeBye()
        desk.world.expectNothingLeft()
    }

    @Test func `a telephone that cannot be reached is no telephone that does not answer`() throws {
        let board = Switchboard()
        let ada = board.phone("100", port: 40_000)
        let bob = board.phone("101", port: 40_100)
        _ = ada.invite("101")
        _ = try bob.nextRequest(.invite)
        board.closeFlow(bob.flow)
        #expect(board.lamps("101").last == "terminated/error")
        #expect(board.states.last { $0.party.number == "101" }?.code == nil)
        _ = try ada.nextResponse(480)
        board.expectNothingLeft()
    }

    @Test func `a connection that stays closed ends the call with its session`() throws {
        let board = Switchboard()
        let ada = board.phone("100", port: 40_000)
        let bob = board.phone("101", port: 40_100)
        let (near, _) = try ada.call(bob)
        let start = board.now
        while board.control.activeCount > 0, board.now - start < .seconds(3_600) {
            board.advance(by: .seconds(1))
            while ada.has(.invite) { _ = try near.takeReinvite() }
            if bob.has(.invite) {
                bob.inbox = []
                board.closeFlow(bob.flow)
            }
        }
        #expect(board.now - start <= .seconds(CallTimers().session.interval))
        try near.takeBye()
        board.expectNothingLeft()
    }
}
