import Media
import OpusCodec
import Primitives
import SIPTransaction
import Settings
import SoftphoneCore

/// A telephone of a simulated world: the softphone's core and audio over virtual sockets.
final class PhoneNode {
    static let rtpPort: UInt16 = 7_078

    unowned let world: World
    let user: String
    private var core: SoftphoneCore
    private var entropy: Entropy
    private let sipEndpoint: Endpoint
    private let rtpEndpoint: Endpoint
    private let toneHertz: Double
    private let codecs = LibraryCodecs(opus: OpusEncoder.Options(complexity: 1))
    private var audio: AudioEndpoint?
    private var audioNumber = 0
    private var armedDeadline: Instant?
    private(set) var isRegistered = false
    private(set) var isInCall = false
    private(set) var isRinging = false
    /// How many calls have come in.
    private(set) var ringCount = 0
    /// The status with which the last registration or call failed.
    private(set) var lastFailure: Int?

    init(
        world: World, address: IPAddress, user: String, password: Secret, codec: AudioCodec, toneHertz: Double,
        answersAfter: Duration?
    ) {
        self.world = world
        self.user = user
        sipEndpoint = Endpoint(address: address, port: 5060)
        rtpEndpoint = Endpoint(address: address, port: Self.rtpPort)
        self.toneHertz = toneHertz
        entropy = world.fork()
        core = SoftphoneCore(
            account: SoftphoneAccount(
                user: user, displayName: "", password: password,
                domain: "pbx.example", codecs: [codec], answersAfter: answersAfter),
            hashes: world.hashes)
        world.bind(sipEndpoint) { [unowned self] bytes, source in
            input(.message(bytes, SIPFlow(transport: .udp, local: sipEndpoint, remote: source)))
        }
        for offset in [UInt16(0), 1] {
            world.bind(Endpoint(address: address, port: Self.rtpPort + offset)) { [unowned self] bytes, _ in
                if offset == 0 {
                    audio?.receiveRTP(bytes, at: world.now)
                } else {
                    audio?.receiveRTCP(bytes, at: world.now)
                }
            }
        }
    }

    var isQuiet: Bool { core.isQuiet }
    /// No call, and none on its way from here.
    var isQuietCall: Bool { !isInCall && !isRinging && !isCalling }
    private var isCalling = false

    func connect() {
        input(.connected(SIPFlow(transport: .udp, local: sipEndpoint, remote: ApplianceNode.sipEndpoint)))
    }

    func call(_ number: String) {
        lastFailure = nil
        isCalling = true
        input(.command(.call(number)))
    }

    /// Queues keys, to be sent as telephone events while a call stands.
    func press(_ keys: String) {
        for key in keys { if let digit = Digit(key) { _ = audio?.press(digit.event) } }
    }

    func hangUp() { input(.command(.hangUp)) }
    func unregister() { input(.command(.unregister)) }

    func requireHeard(_ hertz: Double) throws(ScenarioFailure) {
        let report = audio?.report
        guard let heard = report?.heardHertz, abs(heard - hertz) <= 10 else {
            throw ScenarioFailure(
                "telephone \(user) heard \(report?.heardHertz.map { "\($0) Hz" } ?? "nothing"), not \(hertz) Hz",
                at: world.now)
        }
    }

    private func input(_ input: SoftphoneInput) {
        let effects = core.handle(input, at: world.now, entropy: &entropy)
        for effect in effects { run(effect) }
        arm()
    }

    private func run(_ effect: SoftphoneEffect) {
        switch effect {
        case .transmit(let bytes, let flow): world.send(bytes, from: sipEndpoint, to: flow.remote)
        case .openMedia:
            world.after(.milliseconds(1)) { [unowned self] in
                input(.mediaReady(rtpEndpoint.address, port: rtpEndpoint.port))
            }
        case .configureMedia(let stream): configure(stream)
        case .closeMedia:
            if let report = audio?.report {
                world.note(
                    "phone \(user) audio sent \(report.packetsSent) received \(report.packetsReceived) "
                        + "lost \(report.packetsLost)")
            }
            audio = nil
        case .event(let event):
            world.note("phone \(user) \(event)")
            note(event)
        }
    }

    private func note(_ event: SoftphoneEvent) {
        switch event {
        case .registered: isRegistered = true
        case .unregistered: isRegistered = false
        case .registrationFailed(let status):
            isRegistered = false
            lastFailure = status
        case .incoming:
            isRinging = true
            ringCount += 1
        case .ringing: break
        case .established:
            isInCall = true
            isRinging = false
        case .ended:
            isInCall = false
            isCalling = false
        case .failed(let status):
            (isInCall, isRinging, isCalling) = (false, false, false)
            lastFailure = status
        case .answered, .notified: break
        }
    }

    private func configure(_ stream: MediaStreamDescription) {
        guard audio == nil else {
            try? audio?.redirect(stream, entropy: &entropy, at: world.now)
            return
        }
        audio = try? AudioEndpoint(
            stream, codecs: codecs, toneHertz: toneHertz, listeningWindows: 6, entropy: &entropy, at: world.now)
        audioNumber += 1
        tick(audioNumber)
    }

    private func tick(_ number: Int) {
        guard number == audioNumber, let ptime = audio?.ptime else { return }
        if let packet = audio?.tick(at: world.now).packet, let remote = audio?.remote {
            world.send(packet, from: rtpEndpoint, to: remote)
        }
        if let report = audio?.reportIfDue(at: world.now) {
            world.send(
                report.bytes, from: Endpoint(address: rtpEndpoint.address, port: Self.rtpPort + 1), to: report.to)
        }
        world.after(ptime) { [unowned self] in tick(number) }
    }

    private func arm() {
        guard let deadline = core.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= world.now { return }
        armedDeadline = deadline
        world.at(deadline) { [unowned self] in
            guard armedDeadline == deadline else { return }
            armedDeadline = nil
            input(.deadline)
        }
    }
}
