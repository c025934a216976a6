import Primitives
import SIPDialog
import SIPMessage
import Testing

struct SessionTimerTests {
    typealias Answer = SessionTimer.Answer

    static func policy(
        interval: Int = 1_800, minimum: Int = 90, byChoice: Bool = false, alone: Bool = false
    ) -> SessionTimer.Policy {
        var policy = SessionTimer.Policy()
        policy.interval = interval
        policy.minimum = minimum
        policy.refreshesByChoice = byChoice
        policy.refreshesAlone = alone
        return policy
    }

    static func asking(_ expires: String?, minSE: String? = nil, timer: Bool = true) throws -> SIPRequest {
        var request = try invite()
        if let expires { request.headers.append(.sessionExpires, expires) }
        if let minSE { request.headers.append(.minSE, minSE) }
        if timer { request.headers.append(.supported, "replaces, timer") }
        return request
    }

    struct ServerRow: CustomTestStringConvertible {
        let expires: String?
        var minSE: String?
        var timer = true
        var policy = SessionTimerTests.policy()
        let answer: Answer
        var testDescription: String { "\(expires ?? "-") Min-SE \(minSE ?? "-") timer \(timer)" }
    }

    // The table of RFC 4028 section 9, and the bounds of sections 5 and 9.
    static let serverTable: [ServerRow] = [
        ServerRow(expires: "600", answer: .accepted(.init(seconds: 600, refresher: .uac))),
        ServerRow(
            expires: "600", policy: policy(byChoice: true), answer: .accepted(.init(seconds: 600, refresher: .uas))),
        ServerRow(expires: "600;refresher=uac", answer: .accepted(.init(seconds: 600, refresher: .uac))),
        ServerRow(expires: "600;refresher=uas", answer: .accepted(.init(seconds: 600, refresher: .uas))),
        ServerRow(
            expires: "600;refresher=uac", policy: policy(byChoice: true),
            answer: .accepted(.init(seconds: 600, refresher: .uac))),
        ServerRow(expires: "600", timer: false, answer: .accepted(.init(seconds: 600, refresher: .uas))),
        ServerRow(expires: "600;refresher=uac", timer: false, answer: .accepted(.init(seconds: 600, refresher: .uas))),
        ServerRow(expires: nil, answer: .accepted(.init(seconds: 1_800, refresher: .uac))),
        ServerRow(expires: nil, timer: false, answer: .accepted(nil)),
        ServerRow(
            expires: nil, timer: false, policy: policy(alone: true),
            answer: .accepted(.init(seconds: 1_800, refresher: .uas))),
        // Never raised, lowered to what we want, but not under the Min-SE of the request.
        ServerRow(expires: "90", answer: .accepted(.init(seconds: 90, refresher: .uac))),
        ServerRow(expires: "86400", answer: .accepted(.init(seconds: 1_800, refresher: .uac))),
        ServerRow(expires: "86400", minSE: "3600", answer: .accepted(.init(seconds: 3_600, refresher: .uac))),
        ServerRow(expires: nil, minSE: "3600", answer: .accepted(.init(seconds: 3_600, refresher: .uac))),
        ServerRow(expires: "4294967295", answer: .accepted(.init(seconds: 1_800, refresher: .uac))),
        // A floor beyond reason is none: no timer of the peer's, and we refresh as for who has none.
        ServerRow(
            expires: "4294967295", minSE: "4294967295", answer: .accepted(.init(seconds: 1_800, refresher: .uas))),
        ServerRow(expires: "89", answer: .tooBrief(minSE: 90)),
        ServerRow(expires: "0", policy: policy(minimum: 1), answer: .tooBrief(minSE: 90)),
        ServerRow(expires: "299", policy: policy(minimum: 300), answer: .tooBrief(minSE: 300)),
        // Without `timer` there is no 422; under 90 there is no timer.
        ServerRow(
            expires: "299", timer: false, policy: policy(minimum: 300),
            answer: .accepted(.init(seconds: 299, refresher: .uas))),
        ServerRow(expires: "60", timer: false, answer: .accepted(nil)),
    ]

    @Test(arguments: serverTable)
    func `as UAS it answers by the table of section 9`(row: ServerRow) throws {
        var timer = SessionTimer(policy: row.policy)
        let request = try Self.asking(row.expires, minSE: row.minSE, timer: row.timer)
        #expect(try timer.answer(request, at: .origin) == row.answer)
        if case .accepted(let expires) = row.answer {
            #expect(timer.interval == expires?.seconds)
            #expect(timer.refreshesHere == (expires?.refresher == .uas))
        } else {
            #expect(timer.nextDeadline == nil)
        }
    }

    @Test func `the fields say what was decided`() {
        #expect(Answer.accepted(nil).fields.isEmpty)
        let uac = Answer.accepted(.init(seconds: 600, refresher: .uac)).fields
        #expect(uac == [.init(.sessionExpires, "600;refresher=uac"), .init(.require, "timer")])
        let uas = Answer.accepted(.init(seconds: 600, refresher: .uas)).fields
        #expect(uas == [.init(.sessionExpires, "600;refresher=uas")])
        #expect(Answer.tooBrief(minSE: 300).fields == [.init(.minSE, "300")])
    }

    @Test(arguments: ["x", "600;refresher=me", ""])
    func `a Session-Expires that cannot be read is the peer's mistake`(value: String) throws {
        var timer = SessionTimer()
        let request = try Self.asking(value)
        #expect(throws: SIPParseError.self) { try timer.answer(request, at: .origin) }
    }

    static func accepting(_ expires: String?) throws -> SIPResponse {
        var made = response(200, to: try invite())
        if let expires { made.headers.append(.sessionExpires, expires) }
        return made
    }

    // An interval, who refreshes, and when: refresh at half, end by the smaller of 32 s and a third before.
    @Test(
        arguments: [
            ("1800;refresher=uac", 900, 1_768), ("1800;refresher=uas", nil, 1_768), ("90;refresher=uac", 45, 60),
            ("90;refresher=uas", nil, 60), ("96;refresher=uas", nil, 64), ("600", 300, 568),
            ("1;refresher=uac", 45, 60), ("1801;refresher=uas", 900, 1_768), ("4294967295", 900, 1_768),
            (nil, nil, nil),
        ] as [(String?, Int64?, Int64?)])
    func `as UAC it refreshes at half the interval and expires before its end`(
        expires: String?, refresh: Int64?, expiry: Int64?
    ) throws {
        var timer = SessionTimer()
        #expect(timer.receive(try Self.accepting(expires), at: seconds(10)) == .settled)
        if let refresh {
            #expect(timer.nextDeadline == seconds(10 + refresh))
            #expect(timer.handleDeadline(at: seconds(9 + refresh)) == nil)
            #expect(timer.handleDeadline(at: seconds(10 + refresh)) == .refresh)
            #expect(timer.handleDeadline(at: seconds(10 + refresh)) == nil)
        }
        #expect(timer.nextDeadline == expiry.map { seconds(10 + $0) })
        guard let expiry else { return }
        #expect(timer.handleDeadline(at: seconds(10 + expiry)) == .expire)
        #expect(timer.nextDeadline == nil)
        #expect(timer.handleDeadline(at: seconds(100_000)) == nil)
    }

    @Test func `a refresh keeps its roles and starts the interval anew`() throws {
        var timer = SessionTimer()
        _ = timer.receive(try Self.accepting("600;refresher=uas"), at: .origin)
        var request = try invite()
        timer.prepare(&request)
        #expect(request.headers[.sessionExpires] == "600;refresher=uas")
        // The peer's refresh: for it, it is the UAC.
        #expect(
            try timer.answer(Self.asking("600;refresher=uac"), at: seconds(300))
                == .accepted(.init(seconds: 600, refresher: .uac)))
        #expect(timer.nextDeadline == seconds(868))
        var ours = SessionTimer()
        _ = ours.receive(try Self.accepting("600;refresher=uac"), at: .origin)
        _ = ours.handleDeadline(at: seconds(300))
        ours.prepare(&request)
        #expect(request.headers[.sessionExpires] == "600;refresher=uac")
        _ = ours.receive(try Self.accepting("600;refresher=uac"), at: seconds(301))
        #expect(ours.nextDeadline == seconds(601))
    }

    @Test func `a first request leaves the refresher open and announces timer`() throws {
        var request = try invite()
        request.headers.append(.supported, "replaces")
        SessionTimer(policy: Self.policy(interval: 120, minimum: 300)).prepare(&request)
        #expect(request.headers[.sessionExpires] == "300")
        #expect(request.headers[.minSE] == "300")
        #expect(request.headers[.supported] == "replaces, timer")
        SessionTimer().prepare(&request)
        #expect(request.headers[.supported] == "replaces, timer")
    }

    @Test func `422 raises the interval, once for each new floor`() throws {
        var timer = SessionTimer(policy: Self.policy(interval: 120))
        func refusal(_ minSE: String?) throws -> SIPResponse {
            var made = response(422, to: try invite())
            if let minSE { made.headers.append(.minSE, minSE) }
            return made
        }
        #expect(timer.receive(try refusal(nil), at: .origin) == .refused)
        #expect(timer.receive(try refusal("120"), at: .origin) == .refused)
        #expect(timer.receive(try refusal("600"), at: .origin) == .retry)
        var request = try invite()
        timer.prepare(&request)
        #expect(request.headers[.sessionExpires] == "600")
        #expect(request.headers[.minSE] == "600")
        #expect(timer.receive(try refusal("600"), at: .origin) == .refused)
        #expect(timer.receive(try refusal("900"), at: .origin) == .retry)
    }

    @Test func `a peer without timer switches it off, unless we refresh alone`() throws {
        var timer = SessionTimer()
        _ = timer.receive(try Self.accepting("600;refresher=uac"), at: .origin)
        _ = timer.receive(response(486, to: try invite()), at: .origin)
        #expect(timer.interval == 600)  // a failure changes nothing
        _ = timer.receive(try Self.accepting(nil), at: .origin)
        #expect(timer.interval == nil)
        var alone = SessionTimer(policy: Self.policy(alone: true))
        _ = alone.receive(try Self.accepting(nil), at: .origin)
        #expect(alone.refreshesHere)
        #expect(alone.handleDeadline(at: seconds(900)) == .refresh)
    }

    @Test func `a refusal is good for another interval when the peer owes us no 2xx, else it changes nothing`() throws {
        var alone = SessionTimer(policy: Self.policy(alone: true))
        _ = alone.receive(try Self.accepting(nil), at: .origin)
        #expect(alone.handleDeadline(at: seconds(900)) == .refresh)
        let isGood = alone.refused(at: seconds(901))
        #expect(isGood)
        #expect(alone.nextDeadline == seconds(1_801))
        #expect(alone.handleDeadline(at: seconds(1_801)) == .refresh)
        #expect(alone.handleDeadline(at: seconds(901 + 1_768)) == .expire, "no answer at all ends it")
        let isGoodAgain = alone.refused(at: seconds(3_000))
        #expect(!isGoodAgain, "it is off")
        var negotiated = SessionTimer(policy: Self.policy(alone: true))
        _ = negotiated.receive(try Self.accepting("1800;refresher=uac"), at: .origin)
        let isEnough = negotiated.refused(at: seconds(900))
        #expect(!isEnough)
        #expect(negotiated.nextDeadline == seconds(900))
    }

    @Test func `a postponed refresh comes once more, and the end stays`() throws {
        var timer = SessionTimer()
        _ = timer.receive(try Self.accepting("90;refresher=uac"), at: .origin)
        #expect(timer.handleDeadline(at: seconds(45)) == .refresh)
        timer.postponeRefresh(to: seconds(48))
        #expect(timer.handleDeadline(at: seconds(48)) == .refresh)
        timer.postponeRefresh(to: seconds(500))
        #expect(timer.handleDeadline(at: seconds(60)) == .expire)
    }
}
