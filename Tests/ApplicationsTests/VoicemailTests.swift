import Applications
import Media
import Primitives
import Settings
import Testing

/// Mailboxes: leaving messages, listening to them, PINs, what is kept how long.
@Suite struct VoicemailTests {
    private static let now = Instant.origin
    private static let wall = UnixTime(seconds: 1_800_000_000)

    private static func settings(_ change: (inout MailboxSettings) -> Void = { _ in }) -> VoicemailSettings {
        var settings = VoicemailSettings()
        settings.extension = "501"
        var box = MailboxSettings(extension: "101", pin: Secret("4711"))
        change(&box)
        settings.boxes = [box]
        settings.messagesPerBox = 3
        return settings
    }

    private static func message(_ number: Int64, isNew: Bool = true, caller: String = "100") -> VoiceMessage {
        VoiceMessage(
            id: MessageID(box: "101", number: number), caller: caller, left: wall, seconds: 9, isNew: isNew)
    }

    private static func boxes(_ messages: [VoiceMessage] = []) -> Mailboxes {
        var boxes = Mailboxes(settings())
        boxes.found(messages)
        boxes.commands = []
        boxes.changed = []
        return boxes
    }

    private static func played(_ commands: [ApplicationCommand]) -> [Prompt] {
        commands.flatMap { if case .play(let prompts) = $0 { prompts } else { [Prompt]() } }
    }

    // MARK: Leaving one

    private static func deposit(_ reason: Application.DepositReason = .noAnswer) -> VoicemailDeposit {
        VoicemailDeposit(box: "101", because: reason, language: .german, most: .seconds(60))
    }

    @Test(arguments: [
        (Application.DepositReason.noAnswer, StandardPrompt.notThere), (.busy, .isBusy), (.unreachable, .notThere),
    ])
    func `the greeting says why nobody answers`(reason: Application.DepositReason, word: StandardPrompt) {
        var deposit = Self.deposit(reason)
        let prompts = Self.played(deposit.handle(.entered, Self.boxes(), at: Self.now))
        #expect(
            prompts == [
                .said(.subscriber, .german), .digits("101", .german), .said(word, .german),
                .said(.leaveMessage, .german),
            ])
    }

    @Test func `a greeting of the owner's is heard in its place`() {
        var deposit = Self.deposit()
        let boxes = Self.boxes([
            VoiceMessage(id: .greeting(of: "101"), caller: "", left: Self.wall, seconds: 5, isNew: false)
        ])
        #expect(Self.played(deposit.handle(.entered, boxes, at: Self.now)) == [.message(.greeting(of: "101"))])
        var named = Self.deposit()
        let configured = Mailboxes(Self.settings { $0.greeting = "ours" })
        #expect(Self.played(named.handle(.entered, configured, at: Self.now)) == [.sound("ours", .german)])
    }

    @Test func `after the greeting it records until a key, says that it is saved, and hangs up`() {
        var deposit = Self.deposit()
        let boxes = Self.boxes()
        _ = deposit.handle(.entered, boxes, at: Self.now)
        let commands = deposit.handle(.played, boxes, at: Self.now)
        #expect(commands.first == .play([.beep]) && commands.last == .record(box: "101", isGreeting: false))
        #expect(deposit.handle(.played, boxes, at: Self.now) == [], "the beep")
        #expect(deposit.handle(.digits([], .terminator), boxes, at: Self.now) == [.stopCollecting, .stopRecording])
        let end = deposit.handle(.recorded(seconds: 9), boxes, at: Self.now)
        #expect(Self.played(end) == [.said(.messageSaved, .german), .said(.goodbye, .german)])
        #expect(deposit.handle(.played, boxes, at: Self.now) == [.hangUp])
    }

    @Test func `a message ends when it is too long, and a disk that does not answer is not waited for`() {
        var deposit = Self.deposit()
        let boxes = Self.boxes()
        _ = deposit.handle(.entered, boxes, at: Self.now)
        _ = deposit.handle(.played, boxes, at: Self.now)
        #expect(deposit.nextDeadline == Self.now + .seconds(60))
        #expect(deposit.handle(.deadline, boxes, at: Self.now + .seconds(59)) == [])
        #expect(deposit.handle(.deadline, boxes, at: Self.now + .seconds(60)) == [.stopCollecting, .stopRecording])
        let end = deposit.handle(.deadline, boxes, at: Self.now + .seconds(65))
        #expect(Self.played(end).first == .said(.notRecorded, .german))
        #expect(deposit.nextDeadline == nil)
    }

    @Test func `a box that is full takes no more`() {
        var deposit = Self.deposit()
        let boxes = Self.boxes((1...3).map { Self.message($0) })
        #expect(Self.played(deposit.handle(.entered, boxes, at: Self.now)).first == .said(.boxIsFull, .german))
        #expect(deposit.handle(.played, boxes, at: Self.now) == [.hangUp])
    }

    // MARK: Listening

    private static func menu(_ number: String = "101", isUser: Bool = true) -> VoicemailMenu {
        VoicemailMenu(CallerFacts(number: number, name: "", isUser: isUser), language: .english)
    }

    private static func press(
        _ keys: String, _ menu: inout VoicemailMenu, _ boxes: inout Mailboxes
    ) -> [Prompt] {
        let digits = [Digit](digits: keys) ?? []
        return played(menu.handle(.digits(digits, .terminator), &boxes, at: now))
    }

    @Test func `the owner is asked for the PIN alone, everybody else for the box too`() {
        var boxes = Self.boxes()
        var own = Self.menu()
        #expect(Self.played(own.handle(.entered, &boxes, at: Self.now)) == [.said(.enterPIN, .english)])
        for (number, isUser) in [("100", true), ("101", false)] {
            var other = Self.menu(number, isUser: isUser)
            #expect(Self.played(other.handle(.entered, &boxes, at: Self.now)) == [.said(.enterBox, .english)])
            #expect(Self.press("101", &other, &boxes) == [.said(.enterPIN, .english)])
            #expect(Self.press("4711", &other, &boxes).last == .said(.mailboxMenu, .english))
        }
    }

    @Test func `an owner who is not asked is at home at once`() {
        var boxes = Mailboxes(Self.settings { $0.asksOwner = false })
        var menu = Self.menu()
        #expect(Self.played(menu.handle(.entered, &boxes, at: Self.now)).last == .said(.mailboxMenu, .english))
    }

    @Test func `three wrong PINs end the call, five in a row lock the box, even for the right one`() {
        var boxes = Self.boxes()
        for call in 1...2 {
            var menu = Self.menu("100")
            _ = menu.handle(.entered, &boxes, at: Self.now)
            _ = Self.press("101", &menu, &boxes)
            #expect(Self.press("1", &menu, &boxes) == [.said(.wrongPIN, .english), .said(.enterPIN, .english)])
            let second = Self.press("2", &menu, &boxes)
            let locked: [Prompt] = [.said(.isLocked, .english), .said(.goodbye, .english)]
            #expect(second == (call == 1 ? [.said(.wrongPIN, .english), .said(.enterPIN, .english)] : locked))
            if call == 1 {
                #expect(Self.press("3", &menu, &boxes) == [.said(.wrongPIN, .english), .said(.goodbye, .english)])
            }
        }
        #expect(boxes.logIn("101", pin: "4711", at: Self.now + .seconds(899)) == .locked)
        #expect(boxes.logIn("101", pin: "4711", at: Self.now + PINLock.lockTime) == .accepted)
    }

    @Test(arguments: [("102", "4711"), ("101", ""), ("101", "47110"), ("", "4711")])
    func `a box that is not there, or a wrong PIN, are refused alike`(box: String, pin: String) {
        var boxes = Self.boxes()
        #expect(boxes.logIn(box, pin: pin, at: Self.now) == .refused)
    }

    @Test func `a box without a PIN is not opened from elsewhere`() {
        var boxes = Mailboxes(Self.settings { $0.pin = nil })
        #expect(boxes.logIn("101", pin: "", at: Self.now) == .refused)
    }

    @Test func `new messages are heard one after the other, kept or deleted`() {
        var boxes = Self.boxes([Self.message(1), Self.message(2, caller: ""), Self.message(3, isNew: false)])
        var menu = Self.menu()
        _ = menu.handle(.entered, &boxes, at: Self.now)
        let main = Self.press("4711", &menu, &boxes)
        #expect(
            main == [
                .digits("2", .english), .said(.newMessages, .english), .digits("1", .english),
                .said(.oldMessages, .english), .said(.mailboxMenu, .english),
            ])
        let first = Self.press("1", &menu, &boxes)
        #expect(first.contains(.digits("100", .english)) && first.contains(.message(Self.message(1).id)))
        #expect(Self.press("1", &menu, &boxes) == first, "again")
        let second = Self.press("2", &menu, &boxes)
        #expect(second.contains(.said(.unknownCaller, .english)) && second.contains(.message(Self.message(2).id)))
        #expect(boxes.commands == [.markHeard(Self.message(1).id)])
        let end = Self.press("3", &menu, &boxes)
        #expect(end.first == .said(.messageDeleted, .english) && end.last == .said(.mailboxMenu, .english))
        #expect(boxes.counts(of: "101")?.new == 0 && boxes.counts(of: "101")?.old == 2)
    }

    @Test func `a greeting is recorded from the menu`() {
        var boxes = Self.boxes()
        var menu = Self.menu()
        _ = menu.handle(.entered, &boxes, at: Self.now)
        _ = Self.press("4711", &menu, &boxes)
        #expect(
            menu.handle(.digits([.nine], .complete), &boxes, at: Self.now).last == .record(box: "101", isGreeting: true)
        )
        #expect(menu.handle(.digits([], .terminator), &boxes, at: Self.now) == [.stopCollecting, .stopRecording])
        let prompts = Self.played(menu.handle(.recorded(seconds: 4), &boxes, at: Self.now))
        #expect(prompts.first == .said(.greetingSaved, .english))
    }

    @Test func `who says nothing hears the menu three times`() {
        var boxes = Self.boxes()
        var menu = Self.menu()
        _ = menu.handle(.entered, &boxes, at: Self.now)
        _ = Self.press("4711", &menu, &boxes)
        #expect(Self.press("", &menu, &boxes).last == .said(.mailboxMenu, .english))
        #expect(Self.press("", &menu, &boxes).last == .said(.mailboxMenu, .english))
        #expect(Self.press("", &menu, &boxes) == [.said(.goodbye, .english)])
    }

    // MARK: What is kept

    @Test func `messages are deleted when they are old enough, and not before`() {
        var boxes = Mailboxes(Self.settings { $0.retentionDays = 30 })
        boxes.found([Self.message(1)])
        boxes.sweep(at: Self.now, wall: Self.wall + .seconds(30 * 86_400))
        #expect(boxes.counts(of: "101")?.new == 1)
        boxes.sweep(at: Self.now + .seconds(1), wall: Self.wall + .seconds(31 * 86_400))
        #expect(boxes.counts(of: "101")?.new == 1, "it is looked once an hour")
        boxes.sweep(at: Self.now + .seconds(3_600), wall: Self.wall + .seconds(31 * 86_400))
        #expect(boxes.counts(of: "101")?.new == 0 && boxes.commands == [.delete(Self.message(1).id)])
        var kept = Mailboxes(Self.settings { $0.retentionDays = 0 })
        kept.found([Self.message(1)])
        kept.sweep(at: Self.now, wall: Self.wall + .seconds(9_999 * 86_400))
        #expect(kept.counts(of: "101")?.new == 1)
    }

    @Test func `a box that is configured away and comes back has lost nothing`() {
        var boxes = Self.boxes([Self.message(1)])
        boxes.adopt(VoicemailSettings())
        #expect(boxes.counts(of: "101") == nil && boxes.commands.isEmpty)
        boxes.adopt(Self.settings())
        #expect(boxes.counts(of: "101")?.new == 1)
    }
}
