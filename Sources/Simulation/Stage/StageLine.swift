import Media
import OpusCodec
package import Primitives
package import SIPDialog
import SIPTransaction
import SoftphoneCore

/// A telephone on a stage: the softphone's core with one call at a time, a voice of its own, and an ear.
package final class StageLine {
    package enum Activity: Sendable, Equatable { case idle, calling, ringing, talking }

    private unowned let stage: any Stage
    /// `Bob`, or `Bob/2` for a second telephone or line of the same user.
    package let name: String
    /// Whose telephone it is.
    package let number: String
    /// Its place on the stage: which address and which voice it has.
    private let index: Int
    private let voices: () -> [String]
    private var core: SoftphoneCore
    private var entropy: Entropy
    private var sipEndpoint = Endpoint(address: .loopbackV4, port: 0)
    private var rtpEndpoint: Endpoint?
    private let codecs = LibraryCodecs(opus: OpusEncoder.Options(complexity: 1))
    private var audio: AudioEndpoint?
    private var audioNumber = 0
    private var ear = Ear()
    private var armedDeadline: Instant?
    /// What happened to it, for who asks why.
    private(set) var story: [String] = []

    package private(set) var activity = Activity.idle
    package private(set) var isRegistered = false
    /// Calls that came in, and calls that were answered at either end.
    package private(set) var ringCount = 0
    package private(set) var answerCount = 0
    /// Who the last caller seemed to be.
    package private(set) var caller = ""
    /// The status with which the last call failed.
    package private(set) var lastFailure: Int?
    /// The last answer to a request outside calls: its method and status.
    package private(set) var lastAnswer: (method: String, status: Int)?
    /// The last state of what is watched, by package and number.
    private var notified: [String: String] = [:]
    /// Keys heard from the other end in the last call (RFC 4733).
    package private(set) var keys = ""

    init(
        _ stage: any Stage, name: String, index: Int, account: SoftphoneAccount, voices: @escaping () -> [String]
    ) throws(ScenarioFailure) {
        self.stage = stage
        self.name = name
        self.index = index
        self.voices = voices
        number = account.user
        entropy = stage.fork()
        core = SoftphoneCore(account: account, hashes: stage.hashes)
        sipEndpoint = try stage.open(1, of: index) { [unowned self] bytes, source, _ in
            input(.message(bytes, SIPFlow(transport: .udp, local: sipEndpoint, remote: source)))
        }
    }

    package var endpoint: Endpoint { sipEndpoint }
    package var isIdle: Bool { activity == .idle }
    package var isRinging: Bool { activity == .ringing }
    package var isTalking: Bool { activity == .talking }
    /// A call stands, and nothing is being changed in it.
    package var isSteady: Bool { activity == .talking && core.mayChange }
    package var isHolding: Bool { core.isHolding }
    package var isQuiet: Bool { core.isQuiet }
    package var dialogID: DialogID? { core.dialogID }
    /// The number that the call that rings here was sent to.
    package var calledNumber: String? { core.calledNumber }
    /// What the loudspeaker gave in the last finished window of 200 ms; nothing without a call.
    package var hears: Heard { audio == nil ? .nothing : ear.heard }
    /// How many windows of the present call it has heard.
    package var windows: Int { ear.windows }

    /// `terminated`, `early`, `confirmed`: the last state of a watched number's calls.
    package func lamp(of number: String) -> String? {
        guard let body = notified["dialog \(number)"] else { return nil }
        let states = ["confirmed", "early", "trying"]
        return states.first { (state: String) in body.contains(">" + state + "<") } ?? "terminated"
    }

    /// True when its user's messages were last said to wait.
    package var hasMessages: Bool {
        notified["message-summary \(number)"]?.contains("Messages-Waiting: yes") == true
    }

    // MARK: What the person does

    package func plugIn() {
        input(.connected(SIPFlow(transport: .udp, local: sipEndpoint, remote: stage.applianceEndpoint)))
    }

    package func call(_ number: String) {
        guard activity == .idle else { return }
        begin("calls \(number)", .call(number))
    }

    /// Takes a call that rings at another telephone, whose early dialog is known from watching it.
    package func pickUp(_ dialog: DialogID, of number: String) {
        guard activity == .idle else { return }
        begin("picks up at \(number)", .pickUp(number, dialog))
    }

    private func begin(_ text: String, _ command: SoftphoneCommand) {
        activity = .calling
        lastFailure = nil
        keys = ""
        tell(text)
        input(.command(command))
    }

    package func answer() { command("answers", .answer) }
    package func refuse(_ status: Int) { command("refuses with \(status)", .refuse(status)) }
    package func hold(_ isHeld: Bool) { command(isHeld ? "holds" : "takes back", .hold(isHeld)) }
    package func hangUp() { command("hangs up", .hangUp) }
    package func unplug() { command("unregisters", .unregister) }
    package func transfer(to number: String, replacing dialog: DialogID? = nil) {
        command(
            "transfers to \(number)\(dialog == nil ? "" : ", joining its other call")",
            .transfer(number, replaces: dialog))
    }
    package func watch(_ number: String, _ package: String = "dialog") {
        command("watches \(package) of \(number)", .watch(number, package: package))
    }
    package func message(_ number: String, _ text: String) {
        command("writes to \(number)", .message(number, text: text))
    }
    /// Click to dial: one of this user's telephones rings, then that number is called.
    package func connect(with number: String) { command("clicks \(number)", .connect(number)) }

    /// Queues keys, to be sent as telephone events while a call stands.
    package func press(_ keys: String) {
        tell("presses \(keys)")
        for key in keys { if let digit = Digit(key) { _ = audio?.press(digit.event) } }
    }

    private func command(_ text: String, _ command: SoftphoneCommand) {
        tell(text)
        if case .watch = command { lastAnswer = nil }
        if case .message = command { lastAnswer = nil }
        if case .connect = command { lastAnswer = nil }
        input(.command(command))
    }

    private func tell(_ text: String) {
        stage.note("\(name) \(text)")
        story.append("\((stage.now - .origin).wholeMilliseconds % 10_000_000) \(text)")
        if story.count > 40 { story.removeFirst(20) }
    }

    // MARK: Core

    private func input(_ input: SoftphoneInput) {
        let effects = core.handle(input, at: stage.now, entropy: &entropy)
        for effect in effects { run(effect) }
        arm()
    }

    private func run(_ effect: SoftphoneEffect) {
        switch effect {
        case .transmit(let bytes, let flow): stage.send(bytes, from: sipEndpoint, to: flow.remote)
        case .openMedia: openMedia()
        case .configureMedia(let stream): configure(stream)
        case .closeMedia: closeMedia()
        case .event(let event): note(event)
        }
    }

    private func note(_ event: SoftphoneEvent) {
        tell("\(event)")
        switch event {
        case .registered: isRegistered = true
        case .unregistered: isRegistered = false
        case .registrationFailed(let status):
            isRegistered = false
            lastFailure = status
        case .incoming(let from):
            activity = .ringing
            ringCount += 1
            caller = from
            keys = ""
        case .ringing: break
        case .established:
            activity = .talking
            answerCount += 1
        case .ended: activity = .idle
        case .failed(let status):
            activity = .idle
            lastFailure = status
        case .answered(let method, let status): lastAnswer = (method, status)
        case .notified(let resource, let package, let body): notified["\(package) \(resource)"] = body
        }
    }

    private func arm() {
        guard let deadline = core.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= stage.now { return }
        armedDeadline = deadline
        stage.after(deadline - stage.now) { [unowned self] in
            guard armedDeadline == deadline else { return }
            armedDeadline = nil
            input(.deadline)
        }
    }

    // MARK: Audio

    private func openMedia() {
        stage.after(.milliseconds(1)) { [unowned self] in
            let opened = try? stage.open(2, of: index) { [unowned self] bytes, _, port in
                if port == 0 {
                    audio?.receiveRTP(bytes, at: stage.now)
                } else {
                    audio?.receiveRTCP(bytes, at: stage.now)
                }
            }
            guard let opened else { return input(.command(.hangUp)) }
            rtpEndpoint = opened
            input(.mediaReady(opened.address, port: opened.port))
            if audio == nil, activity == .idle { closeMedia() }
        }
    }

    private func closeMedia() {
        keys = heardKeys
        audio = nil
        audioNumber += 1
        guard let rtpEndpoint else { return }
        self.rtpEndpoint = nil
        stage.close(rtpEndpoint, 2)
    }

    /// As they are pressed, those of a call that has ended too.
    package var heardKeys: String {
        guard let report = audio?.report else { return keys }
        return String(report.keys.compactMap { Digit(event: $0)?.character })
    }

    private func configure(_ stream: MediaStreamDescription) {
        guard audio == nil else {
            try? audio?.redirect(stream, entropy: &entropy, at: stage.now)
            return
        }
        audio = try? AudioEndpoint(
            stream, codecs: codecs, toneHertz: Ear.voices[index], listeningWindows: 0, entropy: &entropy, at: stage.now)
        ear = Ear()
        audioNumber += 1
        tick(audioNumber, at: stage.now)
    }

    /// Each packet time from the first on, not from when the last tick was run.
    private func tick(_ number: Int, at due: Instant) {
        guard number == audioNumber, let ptime = audio?.ptime, let rtpEndpoint,
            let (packet, played) = audio?.tick(at: stage.now)
        else { return }
        // Who holds is not heard, although a telephone may send then (`sendonly`).
        if let packet, !core.isHolding, let remote = audio?.remote { stage.send(packet, from: rtpEndpoint, to: remote) }
        ear.listen(to: played, voices)
        if let report = audio?.reportIfDue(at: stage.now) {
            let local = Endpoint(address: rtpEndpoint.address, port: rtpEndpoint.port + 1)
            stage.send(report.bytes, from: local, to: report.to)
        }
        let next = due + ptime
        stage.after(next - stage.now) { [unowned self] in tick(number, at: next) }
    }
}

extension StageLine: CustomStringConvertible {
    package var description: String { "\(name): \(activity), hears \(hears)" }
}
