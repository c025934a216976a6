import CallControl
import Media
import Primitives
import SIPMessage
import Settings
import Testing

@Suite struct DialPlanTests {
    private static let plan: DialPlan = {
        var settings = ApplianceSettings()
        settings.users = ["100", "101", "102"].map {
            UserSettings(extension: $0, name: "User \($0)", password: Secret("x"))
        }
        settings.groups = [
            GroupSettings(extension: "610", name: "Sales", strategy: .all, members: ["101", "100", "999"])
        ]
        settings.features.echo = "600"
        settings.features.conferences = ["800", "801"]
        return DialPlan(settings: settings)
    }()
    private static let ada = CallParty(number: "100", name: "User 100")
    private static let bob = CallParty(number: "101", name: "User 101")

    @Test func `an extension leads to its user, group or feature, and nothing else exists`() {
        let sales = CallParty(number: "610", name: "Sales")
        #expect(Self.plan.destination(of: "101", calledBy: Self.ada) == .user(Self.bob))
        #expect(Self.plan.destination(of: "610", calledBy: Self.ada) == .group(sales, members: [Self.bob]))
        let echo = CallParty(number: "600", name: "Echo")
        #expect(Self.plan.destination(of: "600", calledBy: Self.ada) == .service(echo, .echo))
        let room = CallParty(number: "801", name: "Conference")
        #expect(Self.plan.destination(of: "801", calledBy: Self.ada) == .service(room, .conference(RoomID(1))))
        for number in ["", "1", "10", "1000", "999", "sip", "*"] {
            #expect(Self.plan.destination(of: number, calledBy: Self.ada) == nil)
        }
    }

    @Test func `a room that stays keeps its callers to itself when others come and go`() {
        func rooms(_ numbers: [String], after old: DialPlan?) -> (plan: DialPlan, rooms: [UInt64]) {
            var settings = ApplianceSettings()
            settings.features.conferences = numbers
            let plan = DialPlan(settings: settings, after: old)
            let rooms = numbers.compactMap { number -> UInt64? in
                guard case .service(_, .conference(let room))? = plan.destination(of: number, calledBy: Self.ada) else {
                    return nil
                }
                return room.value
            }
            return (plan, rooms)
        }
        let first = rooms(["800", "801"], after: nil)
        #expect(first.rooms == [0, 1])
        let second = rooms(["801"], after: first.plan)
        #expect(second.rooms == [1])
        let third = rooms(["802", "801", "803"], after: second.plan)
        #expect(third.rooms == [0, 1, 2])
    }

    @Test(
        arguments: [
            ("sip:101@pbx.example", "101"), ("sip:101#@pbx.example", "101"), ("sip:%31%30%31@pbx.example", "101"),
            ("sip:101;phone-context=x@pbx.example;user=phone", "101"), ("tel:+49-30-12.34(5)", "+49301234 5"),
            ("sip:pbx.example", nil),
            ("sip:%23@pbx.example", nil),
        ] as [(String, String?)])
    func `the dialled number is the user part`(uri: String, number: String?) throws {
        let expected = number?.filter { $0 != " " }
        #expect(try DialPlan.number(in: SIPURI(parsing: uri)) == expected)
    }
}

@Suite struct ForkOutcomeTests {
    @Test(
        arguments: [
            ([], 480), ([486], 486), ([480, 486], 486), ([486, 603], 603), ([408, 486, 480], 486), ([503], 480),
            ([408, 503], 480),
            ([401], 480),
            ([302, 404], 404), ([488, 480], 488), ([500, 599], 480), ([600, 486], 600),
        ] as [([Int], Int)])
    func `the best of several refusals reaches the caller`(refusals: [Int], status: Int) {
        var outcome = ForkOutcome()
        for refusal in refusals { outcome.note(refusal) }
        #expect(outcome.finalStatus == status)
    }
}
