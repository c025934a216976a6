import CallControl
import CloudMessages
import Media
import Primitives
import SIPDialog
import SIPMessage
import Testing

@Suite struct BlindTransferTests: AmongThree {
    let trio = Trio()

    @Test(arguments: [false, true])
    func `either side can transfer, hears how it goes, and leaves when the new party has answered`(
        byCaller: Bool
    ) throws {
        let call = try ada.call(bob)
        let (transferor, stayer) = byCaller ? (call.near, call.far) : (call.far, call.near)
        let answer = try transferor.refer(to: "102")
        #expect(answer.status == 202)
        #expect(answer.headers.contains(.contact) && !answer.headers.contains(.referSub))
        #expect(try transferor.takeNotify() == "100 Trying, active")
        let incoming = try cleo.nextRequest(.invite)
        #expect(try incoming.from().uri.user == stayer.phone.number)
        let referrer = try #require(try incoming.referredBy())
        #expect(referrer.uri == SIPURI(user: transferor.phone.number, host: "pbx.example"))
        cleo.respond(incoming, 180)
        #expect(try transferor.takeNotify() == "180 Ringing, active")
        #expect(!transferor.phone.has(.bye) && !stayer.phone.has(.bye), "both talk on while it rings")
        let far = try cleo.answer(incoming)
        #expect(try transferor.takeNotify() == "200 OK, terminated")
        try transferor.takeBye()
        #expect(world.stream(byCaller ? .a : .b)?.remote?.port == 40_201)
        #expect(stayer.phone.inbox.isEmpty, "the same codec needs no other agreement")
        try far.hangUp()
        try stayer.takeBye()
        #expect(world.records.map(\.connectedUserNumber) == ["101"], "who took the call first")
        #expect(world.questions.map(\.purpose) == [.transfer])
        world.expectNothingLeft()
    }

    @Test func `a party that stays is led to the new one's codec`() throws {
        let call = try ada.call(bob, codecs: ["opus", "PCMU"], answering: ["opus"])
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        let incoming = try cleo.nextRequest(.invite)
        #expect(!String(decoding: incoming.body, as: UTF8.self).contains("RTP/AVP 0"), "opus first")
        let far = try cleo.answer(incoming, codecs: ["PCMU"])
        _ = try call.near.takeReinvite(codecs: ["PCMU"])
        #expect(world.stream(.a)?.codec == .pcmu && world.stream(.b)?.codec == .pcmu)
        _ = try call.far.takeNotify()
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test(arguments: [(486, "486 Busy Here"), (603, "603 Decline"), (404, "404 Not Found")])
    func `a target that refuses leaves the call with the transferor`(status: Int, line: String) throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        try cleo.refuse(status)
        #expect(try call.far.takeNotify() == "\(line), terminated")
        #expect(world.control.activeCount == 1)
        #expect(world.stream(.b)?.remote?.port == 40_101)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `one transfer too many of a call is refused, and the call goes on`() throws {
        var limits = Limits()
        limits.transfersPerCall = 2
        let world = Switchboard(limits: limits)
        let ada = world.phone("100", port: 40_000)
        let bob = world.phone("101", port: 40_100)
        let call = try ada.call(bob)
        for _ in 0..<2 {
            #expect(try call.far.refer(to: "999").status == 202)
            for _ in 0..<2 { _ = try call.far.takeNotify() }
        }
        #expect(try call.far.refer(to: "999").status == 503)
        #expect(world.control.activeCount == 1)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test(arguments: [("999", "404 Not Found"), ("103", "480 Temporarily Unavailable")])
    func `a target that does not exist or is absent`(number: String, line: String) throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: number)
        #expect(try call.far.takeNotify() == "100 Trying, active")
        #expect(try call.far.takeNotify() == "\(line), terminated")
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a target that does not answer within a minute`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        _ = try call.far.takeNotify()
        world.advance(by: .seconds(61))
        #expect(try call.far.takeNotify() == "480 Temporarily Unavailable, terminated")
        try cleo.takeCancel(incoming)
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a transferor that leaves at once is replaced when the target answers`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        try call.far.hangUp()
        #expect(!ada.has(.bye))
        let far = try cleo.answer()
        #expect(world.stream(.b)?.remote?.port == 40_201)
        bob.inbox = []  // it has forgotten the dialog and does not answer the NOTIFY
        try call.near.hangUp()
        try far.takeBye()
        #expect(world.lamps("101").last == "terminated/local-bye")
        world.expectNothingLeft()
    }

    @Test func `a transferor that has left is called back when the target refuses`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        try call.far.hangUp()
        try cleo.refuse(486)
        try bob.refuse(486)
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `the party that is transferred may hang up while it rings`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        let incoming = try cleo.nextRequest(.invite)
        cleo.respond(incoming, 180)
        try call.near.hangUp()
        try cleo.takeCancel(incoming)
        #expect(try call.far.takeNotify() == "180 Ringing, active")
        #expect(try call.far.takeNotify() == "487 Request Terminated, terminated")
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a REFER that crosses the other side's BYE finds no dialog`() throws {
        let call = try ada.call(bob)
        try call.near.hangUp()  // our BYE to Bob is on its way
        #expect(try call.far.refer(to: "102").status == 403)
        try call.far.takeBye()
        #expect(!cleo.has(.invite))
        world.expectNothingLeft()
        #expect(try call.far.refer(to: "102").status == 481)
    }

    @Test func `who wants no subscription gets none, and is hung up when the target answers`() throws {
        let call = try ada.call(bob)
        let answer = try call.far.refer(to: "102", fields: [.init(.referSub, "false"), .init(.require, "norefersub")])
        #expect(answer.status == 202)
        #expect(answer.headers[.referSub] == "false")
        let far = try cleo.answer()
        #expect(!bob.has(.notify))
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a REFER that comes twice transfers once, a NOTIFY that gets lost is repeated`() throws {
        let call = try ada.call(bob)
        world.loses = { if case .request(let request) = $0 { request.method == .notify } else { false } }
        let refer = bob.send(
            call.far.make(.refer, fields: [.init(.referTo, "<sip:102@pbx.example>")]), branch: "z9hG4bK-refer")
        world.feed(.request(refer), from: bob.flow)
        #expect(bob.inbox.map(\.summary) == ["202", "202"])
        bob.inbox = []
        let incoming = try cleo.nextRequest(.invite)
        #expect(!cleo.has(.invite))
        cleo.respond(incoming, 180)
        let far = try cleo.answer(incoming)
        world.loses = { _ in false }
        world.advance(by: .milliseconds(600))
        #expect(try call.far.takeNotify() == "100 Trying, active")
        #expect(try call.far.takeNotify() == "200 OK, terminated", "what lay between is old news")
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test(arguments: [481, 500])
    func `a transferor that refuses its NOTIFY is told no more and is hung up in the end`(status: Int) throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify(status)
        let far = try cleo.answer()
        #expect(!bob.has(.notify))
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a transferor that never answers its NOTIFY is hung up all the same`() throws {
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        let far = try cleo.answer()
        world.advance(by: .seconds(33))
        #expect(bob.has(.bye))
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test(
        arguments: [
            ([], 400), (["<sip:102@pbx.example>", "<sip:103@pbx.example>"], 400), (["<sip:102"], 400),
            (["<http://pbx.example/102>"], 416), (["<sip:102@pbx.example;method=BYE>"], 403),
            (["<sip:102@pbx.example?Replaces=nonsense>"], 400),
        ] as [([String], Int)])
    func `a REFER that cannot be meant is refused, and the call goes on`(values: [String], status: Int) throws {
        let call = try ada.call(bob)
        var refer = call.far.make(.refer)
        for value in values { refer.headers.append(.referTo, value) }
        bob.send(refer)
        _ = try bob.nextResponse(status)
        #expect(world.control.activeCount == 1)
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `who refers is known: a Referred-By may say so, and nothing else`() throws {
        let call = try ada.call(bob)
        let forged = SIPHeaders.Field(.referredBy, "<sip:100@pbx.example>")
        #expect(try call.far.refer(to: "102", fields: [forged]).status == 403)
        let own = SIPHeaders.Field(.referredBy, "<sip:101@10.0.0.100>")
        #expect(try call.far.refer(to: "102", fields: [own]).status == 202)
        #expect(try cleo.nextRequest(.invite).headers[.referredBy] == "\"Bob\" <sip:101@pbx.example>")
        _ = try call.far.takeNotify()
        try call.near.hangUp()
        world.advance(by: .seconds(40))
        world.expectNothingLeft()
    }

    @Test func `one transfer at a time, each further one with its number, twenty in all`() throws {
        let call = try ada.call(bob)
        #expect(try call.far.refer(to: "102").status == 202)
        #expect(try call.far.refer(to: "103").status == 491)
        for round in 1...20 {
            let notify = try bob.nextRequest(.notify)
            #expect(try notify.event()?.id == (round == 1 ? nil : "\(try notify.cseq().number > 0 ? lastRefer : 0)"))
            bob.respond(notify, 200)
            try cleo.refuse(486)
            bob.respond(try bob.nextRequest(.notify), 200)
            let refer = call.far.make(.refer, fields: [.init(.referTo, "<sip:102@pbx.example>")])
            lastRefer = Int(try refer.cseq().number)
            bob.send(refer)
            _ = try bob.nextResponse(round < 20 ? 202 : 503)
        }
        try call.far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }
    private final class Box { var value = 0 }
    private let box = Box()
    private var lastRefer: Int {
        get { box.value }
        nonmutating set { box.value = newValue }
    }

    @Test func `a REFER before the answer, and one of a line, are refused`() throws {
        _ = ada.invite("101")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 180)
        let ringing = try ada.nextResponse(180)
        var early = ada.request(.refer, to: "101", callID: "c", fields: [.init(.referTo, "<sip:102@pbx.example>")])
        early.headers.set(.to, ringing.headers[.to] ?? "")
        early.headers.set(.cseq, "2 REFER")
        ada.send(early)
        _ = try ada.nextResponse(403)
        bob.respond(incoming, 486)
        _ = try ada.nextResponse(486)
        world.lines["100"] = LineID(1)
        let call = try ada.call(bob, callID: "line")
        #expect(try call.near.refer(to: "102").status == 403)
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `outside a dialog a REFER needs Target-Dialog, and the dialog must be the sender's`() throws {
        let call = try ada.call(bob)
        let id = call.far.dialog.id
        let target = TargetDialog(callID: id.callID, localTag: id.localTag, remoteTag: id.remoteTag).description
        func refer(_ phone: TestPhone, _ callID: String, _ fields: [SIPHeaders.Field]) throws -> SIPResponse {
            let to = [SIPHeaders.Field(.referTo, "<sip:102@pbx.example>")]
            phone.send(phone.request(.refer, to: "100", callID: callID, fields: to + fields))
            return try phone.nextResponse()
        }
        #expect(try refer(bob, "r1", []).status == 403)
        #expect(try refer(bob, "r2", [.init(.targetDialog, "x;local-tag=a;remote-tag=b")]).status == 403)
        #expect(try refer(cleo, "r3", [.init(.targetDialog, target)]).status == 403)
        let answer = try refer(bob, "r4", [.init(.targetDialog, target), .init(.require, "tdialog")])
        #expect(answer.status == 202)
        let notify = try bob.nextRequest(.notify)
        #expect(notify.headers[.callID] == "r4@101-40100")
        #expect(try notify.from().tag == answer.to().tag)
        bob.respond(notify, 200)
        let far = try cleo.answer()
        let last = try bob.nextRequest(.notify)
        #expect(try last.cseq().number == notify.cseq().number + 1)
        bob.respond(last, 200)
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a target that forwards is followed, a busy group member is not the end`() throws {
        let dan = world.phone("103", port: 40_300)
        let call = try ada.call(bob)
        _ = try call.far.refer(to: "102")
        _ = try call.far.takeNotify()
        try cleo.refuse(302, fields: [.init(.contact, "<sip:103@pbx.example>")])
        let incoming = try dan.nextRequest(.invite)
        #expect(incoming.headers.contains(.historyInfo) && incoming.headers.contains(.referredBy))
        let far = try dan.answer(incoming)
        _ = try call.far.takeNotify()
        try call.far.takeBye()
        try far.hangUp()
        try call.near.takeBye()
        world.expectNothingLeft()
    }
}

@Suite struct AttendedTransferTests: AmongThree {
    let trio = Trio()

    @Test func `the two others are joined, the transferor's calls end`() throws {
        let first = try ada.call(bob)
        let second = try bob.call(cleo, callID: "consult")
        #expect(try first.far.refer(to: second.near).status == 202)
        #expect(try first.far.takeNotify() == "100 Trying, active")
        #expect(try first.far.takeNotify() == "200 OK, terminated")
        try second.near.takeBye()
        try first.far.takeBye()
        let moved = try second.far.takeReinvite()
        #expect(String(decoding: moved.body, as: UTF8.self).contains("m=audio 20006 "), "the port of Bob's side")
        #expect(world.stream(.b)?.remote?.port == 40_201)
        #expect(world.control.activeCount == 1)
        #expect(world.records.count == 1)
        #expect(ada.inbox.isEmpty)
        #expect(world.control.dialogs(of: "102").map(\.remote.number) == ["100"])
        #expect(world.control.dialogs(of: "100").map(\.remote.number) == ["102"])
        #expect(world.control.dialogs(of: "101").isEmpty)
        try second.far.hangUp()
        try first.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `the transferor may have been called in both calls, and may be the first caller`() throws {
        let first = try bob.call(ada)
        let second = try cleo.call(bob, callID: "consult")
        #expect(try first.near.refer(to: second.far).status == 202)
        _ = try first.near.takeNotify()
        _ = try first.near.takeNotify()
        try second.far.takeBye()
        try first.near.takeBye()
        _ = try second.near.takeReinvite()
        #expect(world.stream(.a)?.remote?.port == 40_201)
        try first.far.hangUp()
        try second.near.takeBye()
        world.expectNothingLeft()
    }

    @Test func `who is joined is led to the codec of who stays, and only that one`() throws {
        let first = try ada.call(bob)
        let second = try bob.call(cleo, codecs: ["opus", "PCMU"], answering: ["opus"], callID: "consult")
        #expect(world.stream(.b, session: 2)?.codec == .opus)
        _ = try first.far.refer(to: second.near)
        let moved = try second.far.takeReinvite(codecs: ["PCMU"])
        #expect(String(decoding: moved.body, as: UTF8.self).contains("m=audio 20006 RTP/AVP 0 "))
        #expect(world.stream(.a)?.codec == .pcmu && world.stream(.b)?.codec == .pcmu)
        #expect(!ada.has(.invite))
        _ = try first.far.takeNotify()
        _ = try first.far.takeNotify()
        try second.near.takeBye()
        try first.far.takeBye()
        try first.near.hangUp()
        try second.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a joined party whose re-INVITE is refused stays in the call`() throws {
        let first = try ada.call(bob)
        let second = try bob.call(cleo, callID: "consult")
        _ = try first.far.refer(to: second.near)
        _ = try second.far.takeReinvite(488)
        #expect(world.control.activeCount == 1)
        try second.far.hangUp()
        try first.near.takeBye()
        world.advance(by: .seconds(40))
        world.expectNothingLeft()
    }

    @Test func `a dialog that is not there, over, or somebody else's`() throws {
        let dan = world.phone("103", port: 40_300)
        let first = try ada.call(bob)
        let over = try bob.call(cleo, callID: "over")
        try over.near.hangUp()
        #expect(try first.far.refer(to: over.near).status == 202)
        _ = try first.far.takeNotify()
        #expect(try first.far.takeNotify() == "603 Decline, terminated", "its BYE is still on the way")
        try over.far.takeBye()
        world.advance(by: .seconds(40))
        _ = try first.far.refer(to: over.near)
        _ = try first.far.takeNotify()
        #expect(try first.far.takeNotify() == "481 Call/Transaction Does Not Exist, terminated")
        let foreign = try cleo.call(dan, callID: "foreign")
        _ = try first.far.refer(to: foreign.near)
        _ = try first.far.takeNotify()
        #expect(try first.far.takeNotify() == "403 Forbidden, terminated")
        #expect(world.control.activeCount == 2)
        try first.near.hangUp()
        try first.far.takeBye()
        try foreign.near.hangUp()
        try foreign.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `its own call is no other call`() throws {
        let first = try ada.call(bob)
        _ = try first.far.refer(to: first.far)
        _ = try first.far.takeNotify()
        #expect(try first.far.takeNotify() == "481 Call/Transaction Does Not Exist, terminated")
        try first.near.hangUp()
        try first.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a consultation that still rings becomes a blind transfer`() throws {
        let first = try ada.call(bob)
        let consult = bob.invite("102", callID: "consult")
        let ringing = try cleo.nextRequest(.invite)
        cleo.respond(ringing, 180)
        let response = try bob.nextResponse(180)
        let side = TestSide(bob, try Dialog(sent: consult, received: response))
        #expect(try first.far.refer(to: side).status == 202)
        _ = try bob.nextResponse(480)
        try cleo.takeCancel(ringing)
        let incoming = try cleo.nextRequest(.invite)
        #expect(try incoming.from().uri.user == "100")
        let far = try cleo.answer(incoming)
        _ = try first.far.takeNotify()
        _ = try first.far.takeNotify()
        try first.far.takeBye()
        try far.hangUp()
        try first.near.takeBye()
        world.expectNothingLeft()
    }
}
