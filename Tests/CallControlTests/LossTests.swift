import CallControl
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// A telephone that answers whatever comes, as often as it comes.
final class Robot {
    let phone: TestPhone
    /// What an INVITE outside a dialog gets.
    var answer = 200
    /// The dialogs in which it can do something, by Call-ID, the newest last.
    private(set) var sides: [TestSide] = []
    private var invites: [SIPRequest] = []

    init(_ phone: TestPhone) { self.phone = phone }

    func call(_ number: String, callID: String = "c") { invites.append(phone.invite(number, callID: callID)) }

    /// Takes everything from the inbox; true when there was something.
    func react() -> Bool {
        guard !phone.inbox.isEmpty else { return false }
        switch phone.inbox.removeFirst() {
        case .request(let request): react(to: request)
        case .response(let response): react(to: response)
        }
        return true
    }

    private func react(to request: SIPRequest) {
        switch request.method {
        case .ack: break
        case .cancel: phone.respond(request, 200)
        case .invite where (try? request.to())?.tag == nil:
            phone.respond(request, 180)
            let tag = "\(phone.number)-\(phone.flow.remote.port)-in"
            if answer == 200, let dialog = try? Dialog(received: request, localTag: tag, secure: false),
                !sides.contains(where: { $0.dialog.id == dialog.id })
            {
                sides.append(TestSide(phone, dialog))
            }
            phone.respond(request, answer, body: answer == 200 ? sdp(["PCMU"], port: 31_000) : [])
        case .invite: phone.respond(request, 200, body: sdp(["PCMU"], port: 31_000, version: 2))
        default: phone.respond(request, 200)
        }
    }

    private func react(to response: SIPResponse) {
        guard response.isSuccess, (try? response.cseq())?.method == .invite,
            let invite = invites.first(where: { $0.headers[.callID] == response.headers[.callID] }),
            let dialog = try? Dialog(sent: invite, received: response)
        else { return }
        phone.send(dialog.makeAck(cseq: dialog.localCSeq))
        if !sides.contains(where: { $0.dialog.id == dialog.id }) { sides.append(TestSide(phone, dialog)) }
    }
}

/// Flows in which one message after the other gets lost on its way to a telephone: they end well or badly, but they end.
@Suite struct LossTests {
    let world = Switchboard()
    let robots: [Robot]

    init() {
        let world = world
        robots = (0...3).map { Robot(world.phone("10\($0)", port: UInt16(40_000 + 100 * $0))) }
    }

    private func settle() {
        while robots.map({ $0.react() }).contains(true) {}
    }

    private func wait(_ seconds: Int) {
        for _ in 0..<seconds {
            settle()
            world.advance(by: .seconds(1))
        }
    }

    private func lose(_ number: Int) {
        var count = 0
        world.loses = { _ in
            count += 1
            return count == number
        }
    }

    @Test(arguments: [200, 486], 1...16)
    func `a blind transfer with one lost message leaves nothing behind`(answer: Int, lost: Int) throws {
        robots[2].answer = answer
        lose(lost)
        robots[0].call("101")
        wait(3)
        if let side = robots[1].sides.last {
            robots[1].phone.send(side.make(.refer, fields: [.init(.referTo, "<sip:102@pbx.example>")]))
        }
        wait(40)
        for robot in robots {
            if let side = robot.sides.last { robot.phone.send(side.make(.bye)) }
        }
        wait(40)
        world.expectNothingLeft()
    }

    @Test(arguments: 1...20)
    func `an attended transfer with one lost message leaves nothing behind`(lost: Int) throws {
        lose(lost)
        robots[0].call("101")
        wait(3)
        robots[1].call("102", callID: "consult")
        wait(3)
        if robots[1].sides.count > 1 {
            let (first, second) = (robots[1].sides[0], robots[1].sides[1])
            var uri = second.dialog.remote.uri
            uri.setHeaderFields([.init(.replaces, second.replaces.description)])
            robots[1].phone.send(first.make(.refer, fields: [.init(.referTo, NameAddress(uri: uri).description)]))
        }
        wait(40)
        for robot in robots {
            for side in robot.sides { robot.phone.send(side.make(.bye)) }
        }
        wait(40)
        world.expectNothingLeft()
    }

    @Test func `calls that are ended from here while a transfer rings leave nothing behind`() throws {
        robots[2].answer = 180
        robots[0].call("101")
        wait(1)
        let side = try #require(robots[1].sides.last)
        robots[1].phone.send(side.make(.refer, fields: [.init(.referTo, "<sip:102@pbx.example>")]))
        wait(1)
        world.endAll()
        wait(40)
        world.expectNothingLeft()
    }
}
