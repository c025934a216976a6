import Features
import Settings
import Testing

/// What the policies make of what happens, each alone and all in their order.
@Suite struct FeatureDeskTests {
    private let desk = FeatureDesk()

    private func facts(
        user: MemberFacts? = nil, isInternal: Bool = true, _ change: (inout FeatureFacts) -> Void = { _ in }
    ) -> FeatureFacts {
        var facts = FeatureFacts()
        facts.caller = MemberFacts("100")
        facts.user = user
        facts.isInternal = isInternal
        facts.colleagues = [MemberFacts("100"), MemberFacts("101"), MemberFacts("102")]
        change(&facts)
        return facts
    }

    private func member(
        _ number: String, telephones: Int = 1, busy: Int = 0, _ change: (inout UserFeatures) -> Void = { _ in }
    ) -> MemberFacts {
        var member = MemberFacts(number)
        member.telephones = telephones
        member.busyTelephones = busy
        change(&member.features)
        return member
    }

    // MARK: Screening

    @Test(
        arguments: [
            ("+4990012", nil, true), ("+4989123", nil, false), ("100", nil, true), ("1001", nil, false),
            ("anonymous", nil, true), ("102", true, true), ("102", false, false), (nil, nil, false),
        ] as [(String?, Bool?, Bool)])
    func `whoever a user does not take calls from is refused, before anything rings or forwards`(
        origin: String?, hides: Bool?, isRefused: Bool
    ) {
        let user = member("101") {
            $0.rejectedCallers = ["+49900*", "100", "anonymous"]
            $0.forwarding.always = "103"
        }
        let facts = facts(user: user) {
            $0.origin = origin
            $0.wishes.hidesNumber = hides
        }
        let decision = desk.decide(.reached, facts)
        #expect(decision == (isRefused ? .refuse(status: 603) : .forward(to: "103", cause: 302)))
    }

    @Test func `the test number needs no permission`() {
        let facts = facts {
            $0.caller?.features.permission = .internal
            $0.numberClass = .local
            $0.office.emergencyTest = "9112"
        }
        #expect(desk.decide(.dialled("9112"), facts) == .act(.testEmergency))
        #expect(desk.decide(.dialled("9113"), facts) == .refuse(status: 403))
    }

    // MARK: Users

    @Test func `a plain user's telephones ring as long as the caller waits`() {
        #expect(
            desk.decide(.reached, facts(user: member("101")))
                == .ring([RingStep([.user("101")], seconds: nil)]))
    }

    @Test func `forwarding comes before do-not-disturb, do-not-disturb before busy`() {
        let all = member("101", busy: 1) {
            $0.forwarding.always = "102"
            $0.doNotDisturb = true
            $0.busyOnBusy = true
        }
        #expect(desk.decide(.reached, facts(user: all)) == .forward(to: "102", cause: 302))
        var quiet = all
        quiet.features.forwarding.always = nil
        #expect(desk.decide(.reached, facts(user: quiet)) == .unavailable(.doNotDisturb))
        quiet.features.doNotDisturb = false
        #expect(desk.decide(.reached, facts(user: quiet)) == .unavailable(.busy))
    }

    @Test(arguments: [
        (Unanswered.busy, "1" as String?, 486), (.doNotDisturb, "1", 486), (.noAnswer, "2", 408),
        (.unregistered, "3", 480),
    ])
    func `each way of not answering has its target`(reason: Unanswered, target: String?, cause: Int) {
        let user = member("101") {
            $0.forwarding.busy = "1"
            $0.forwarding.noAnswer = "2"
            $0.forwarding.unregistered = "3"
        }
        #expect(
            desk.decide(.unanswered(reason), facts(user: user)) == target.map { .forward(to: $0, cause: cause) })
        #expect(desk.decide(.unanswered(reason), facts(user: member("101"))) == nil)
    }

    @Test func `who is not registered is forwarded as one who does not answer, if nothing else is said`() {
        let user = member("101", telephones: 0) { $0.forwarding.noAnswer = "2" }
        #expect(desk.decide(.reached, facts(user: user)) == .unavailable(.unregistered))
        #expect(desk.decide(.unanswered(.unregistered), facts(user: user)) == .forward(to: "2", cause: 480))
    }

    @Test func `colleagues and callers from outside are forwarded apart`() {
        let user = member("101") {
            $0.forwarding.always = "1"
            $0.internalForwarding.always = "2"
            $0.externalForwarding.always = "3"
        }
        #expect(desk.decide(.reached, facts(user: user)) == .forward(to: "2", cause: 302))
        #expect(desk.decide(.reached, facts(user: user, isInternal: false)) == .forward(to: "3", cause: 302))
    }

    @Test(arguments: [
        (1, 1, true, false, false), (1, 1, false, false, true), (2, 1, false, false, false), (2, 1, true, true, true),
        (2, 0, false, true, false),
    ])
    func `call waiting counts telephones, busy-on-busy calls`(
        telephones: Int, busy: Int, waiting: Bool, onBusy: Bool, isBusy: Bool
    ) {
        let user = member("101", telephones: telephones, busy: busy) {
            $0.callWaiting = waiting
            $0.busyOnBusy = onBusy
        }
        #expect((desk.decide(.reached, facts(user: user)) == .unavailable(.busy)) == isBusy)
    }

    @Test func `a mobile rings beside the telephones, follow-me numbers after them`() {
        let user = member("101") {
            $0.mobile = "0170"
            $0.followMe = ["102", "0171"]
            $0.ringSeconds = 12
        }
        #expect(
            desk.decide(.reached, facts(user: user))
                == .ring([
                    RingStep([.user("101"), .number("0170")], seconds: 12), RingStep([.number("102")], seconds: 12),
                    RingStep([.number("0171")], seconds: 12),
                ]))
    }

    // MARK: Codes

    @Test func `codes switch the caller's features`() {
        var wanted = UserFeatures()
        wanted.doNotDisturb = true
        #expect(desk.decide(.code(.doNotDisturbOn, argument: ""), facts()) == .change(.features(wanted)))
        wanted = UserFeatures()
        wanted.forwarding.busy = "102"
        #expect(desk.decide(.code(.forwardBusyOn, argument: "102"), facts()) == .change(.features(wanted)))
        #expect(desk.decide(.code(.forwardBusyOff, argument: ""), facts()) == .change(.features(UserFeatures())))
        #expect(desk.decide(.code(.forwardAlwaysOn, argument: ""), facts()) == .refuse(status: 484))
        #expect(desk.decide(.code(.forwardAlwaysOn, argument: "100"), facts()) == .refuse(status: 484), "a loop of one")
        #expect(desk.decide(.code(.doNotDisturbOn, argument: "7"), facts()) == nil)
    }

    @Test func `codes are matched longest first, and the administrator's digits count`() {
        var codes = FeatureCodes()
        #expect(codes.match("*8101")?.code == .pickup && codes.match("*8101")?.argument == "101")
        #expect(codes.match("*80101")?.code == .intercom && codes.match("*80101")?.argument == "101")
        #expect(codes.match("*21*0170")?.argument == "0170")
        #expect(codes.match("101") == nil && codes.match("*99") == nil)
        let refused = [codes.set(.intercom, "*8"), codes.set(.intercom, "12")]
        #expect(refused == [false, false], "taken by pickup, and what would hide an extension")
        let taken = [codes.set(.intercom, "*99"), codes.set(.pickup, "")]
        #expect(taken == [true, true])
        #expect(codes.match("*99101")?.code == .intercom)
        #expect(codes.match("*8101") == nil, "switched off")
    }

    // MARK: Numbers

    @Test(arguments: [
        (PermissionClass.internal, NumberClass.local, true), (.local, .local, false), (.local, .national, true),
        (.national, .international, true), (.international, .premium, true), (.premium, .premium, false),
        (.internal, .internal, false),
    ])
    func `a class may call what is within it`(granted: PermissionClass, number: NumberClass, isRefused: Bool) {
        let facts = facts {
            $0.caller?.features.permission = granted
            $0.numberClass = number
        }
        #expect((desk.decide(.dialled("0301"), facts) == .refuse(status: 403)) == isRefused)
    }

    @Test func `at night another class counts, and a speed dial needs none`() {
        var night = facts {
            $0.caller?.features.nightPermission = .internal
            $0.numberClass = .national
            $0.office.speedDials = [SpeedDial(short: "701", number: "0301")]
        }
        #expect(desk.decide(.dialled("0301"), night) == nil)
        night.isNight = true
        #expect(desk.decide(.dialled("0301"), night) == .refuse(status: 403))
        guard case .route("0301", let wishes)? = desk.decide(.dialled("701"), night) else {
            Issue.record("the short number leads nowhere")
            return
        }
        night.wishes = wishes
        #expect(desk.decide(.dialled("0301"), night) == nil)
    }

    @Test func `an orbit is dialled to take up, transferred to in order to park`() {
        var facts = facts { $0.office.parkOrbits = ["71", "72"] }
        #expect(desk.decide(.dialled("71"), facts) == .refuse(status: 404))
        #expect(desk.decide(.code(.park, argument: ""), facts) == .act(.park(orbit: "71")))
        facts.occupiedOrbits = ["71"]
        #expect(desk.decide(.dialled("71"), facts) == .act(.retrieve(orbit: "71")))
        #expect(desk.decide(.code(.park, argument: ""), facts) == .act(.park(orbit: "72")))
        #expect(desk.decide(.code(.park, argument: "71"), facts) == .refuse(status: 486))
        facts.isPassedOn = true
        #expect(desk.decide(.dialled("71"), facts) == .refuse(status: 486))
        #expect(desk.decide(.dialled("72"), facts) == .act(.park(orbit: "72")))
    }

    @Test func `a group pickup finds who rings and shares a group`() {
        let facts = facts {
            $0.caller?.features.pickupGroups = ["sales"]
            for index in $0.colleagues.indices { $0.colleagues[index].isRinging = true }
            $0.colleagues[2].features.pickupGroups = ["sales", "it"]
        }
        #expect(desk.decide(.code(.pickup, argument: ""), facts) == .act(.pickUp(from: ["102"])))
        #expect(desk.decide(.code(.pickup, argument: "101"), facts) == .act(.pickUp(from: ["101"])))
        #expect(desk.decide(.code(.pickup, argument: "199"), facts) == .refuse(status: 404))
    }

    @Test func `a desk is taken with the right PIN alone`() {
        let facts = facts { $0.colleagues[1].features.deskPIN = "4711" }
        #expect(desk.decide(.code(.deskLogin, argument: "101*4711"), facts) == .change(.desk("101")))
        #expect(desk.decide(.code(.deskLogin, argument: "101*4712"), facts) == .change(.wrongDeskPIN(of: "101")))
        var locked = facts
        locked.colleagues[1].isDeskLocked = true
        #expect(desk.decide(.code(.deskLogin, argument: "101*4711"), locked) == .refuse(status: 403))
        for wrong in ["102*4711", "102*", "199*1", "101", ""] {
            #expect(desk.decide(.code(.deskLogin, argument: wrong), facts) == .refuse(status: 403))
        }
    }

    // MARK: Groups

    private func group(_ strategy: GroupSettings.Strategy, turn: Int = 0, skills: [String] = []) -> FeatureFacts {
        var settings = GroupSettings(extension: "610", name: "Sales", strategy: strategy, members: [])
        settings.skills = skills
        var members = ["100", "101", "102"].map { member($0) }
        members[0].idleSeconds = 10
        members[2].idleSeconds = 60
        members[1].features.skills = ["fr"]
        members[2].features.skills = ["fr", "de"]
        var group = GroupFacts(settings: settings, members: members)
        group.turn = turn
        return facts { $0.group = group }
    }

    private func order(_ facts: FeatureFacts) -> [[String]] {
        guard case .ring(let steps)? = desk.decide(.reached, facts) else { return [] }
        return steps.map { step in
            step.members.compactMap { if case .user(let number) = $0 { number } else { nil } }
        }
    }

    @Test func `each strategy has its order`() {
        #expect(order(group(.all)) == [["100", "101", "102"]])
        #expect(order(group(.linear, turn: 1)) == [["100"], ["101"], ["102"]])
        #expect(order(group(.rotating, turn: 4)) == [["101"], ["102"], ["100"]])
        #expect(order(group(.longestIdle)) == [["101"], ["102"], ["100"]], "who had no call at all comes first")
        #expect(order(group(.skill, skills: ["de", "fr"])) == [["102"], ["101"], ["100"]])
    }

    @Test func `members who cannot be rung are left out, and a group without any overflows`() {
        var facts = group(.linear)
        facts.group?.members[0].features.doNotDisturb = true
        facts.group?.members[1].telephones = 0
        #expect(order(facts) == [["102"]])
        facts.group?.members[2].busyTelephones = 1
        facts.group?.members[2].features.busyOnBusy = true
        #expect(desk.decide(.reached, facts) == .unavailable(.busy))
        #expect(desk.decide(.unanswered(.busy), facts) == nil)
        facts.group?.settings.overflow = "102"
        #expect(desk.decide(.unanswered(.busy), facts) == .forward(to: "102", cause: 486))
    }

    // MARK: Settings as text

    @Test func `a user's features survive being written and read`() {
        var features = UserFeatures()
        let refused = Self.samples.filter { !features.set($0.0, $0.1) }
        #expect(refused.isEmpty)
        var copy = UserFeatures()
        for field in features.fields { _ = copy.set(field.name, field.value) }
        #expect(copy == features)
        #expect(features.fields.map(\.name).sorted() == Self.samples.map(\.0).sorted())
        #expect(Set(UserFeatures.names) == Set(Self.samples.map(\.0)), "a field without a sample")
    }

    private static let samples: [(String, String)] =
        [
            ("reject_callers", "+49900* anonymous"),
            ("dnd", "true"), ("call_waiting", "false"), ("busy_on_busy", "true"), ("hide_number", "true"),
            ("intercom", "false"), ("ring_seconds", "30"), ("permission", "local"), ("permission_night", "internal"),
            ("busy_lamp", "hidden"), ("mobile", "+49170"), ("desk_pin", "4711"), ("follow_me", "1 2"),
            ("pickup_groups", "a b"), ("skills", "de"), ("agent", "paused"),
            ("recording", "always"),
        ]
        + ["forward", "forward_internal", "forward_external"].flatMap { prefix in
            ["always", "busy", "no_answer", "unregistered"].map { ("\(prefix)_\($0)", "102") }
        }

    @Test(arguments: [
        ("dnd", "yes"), ("ring_seconds", "4"), ("permission", "all"), ("busy_lamp", ""), ("forward_always", "Bob"),
        ("colour", "red"), ("mobile", "0170-1"), ("mobile", String(repeating: "1", count: 33)),
    ])
    func `what is no value is refused`(name: String, value: String) {
        var features = UserFeatures()
        let isTaken = features.set(name, value)
        #expect(!isTaken)
    }

    @Test func `the office's settings survive being written and read`() {
        var office = OfficeSettings()
        let samples = [
            ("park_orbits", "71 72"), ("park_seconds", "90"), ("speed_dials", "701=0301 702=0302"),
            ("premium", "+49900 +49137"), ("utc_offset", "-60"), ("night_begins", "1080"), ("night_ends", "420"),
            ("night", "true"), ("emergency_location", "Hall 3"), ("emergency_test", "9112"), ("doors", "150=1"),
            ("dial_tone", "9"), ("call_keys", "true"), ("recording_groups", "610"), ("recording_consent", "1"),
            ("recording_days", "90"),
            ("codes.dnd_on", "*78"), ("codes.park", ""),
        ]
        let refused = samples.filter { !office.set($0.0, $0.1) }
        #expect(refused.isEmpty)
        var copy = OfficeSettings()
        for field in office.fields { _ = copy.set(field.name, field.value) }
        #expect(copy == office)
        #expect(Set(OfficeSettings.names).isSubset(of: Set(samples.map(\.0))), "a field without a sample")
        for (name, value) in [
            ("park_seconds", "9"), ("speed_dials", "701"), ("premium", "0900"), ("night_ends", "1440"),
            ("recording_consent", "12"), ("recording_days", "-1"), ("call_keys", "no"), ("codes.fly", "*1"),
            ("codes.park", "*78"), ("moon", "full"),
        ] {
            let isTaken = office.set(name, value)
            #expect(!isTaken, "\(name)")
        }
    }
}
