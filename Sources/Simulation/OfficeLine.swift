import Media
import OpusCodec
import Primitives
import SIPDialog
import SIPTransaction
import Settings
import SoftphoneCore

/// One line of a desk telephone: the softphone's core, without audio, and with a person who decides.
final class OfficeLine {
    enum Activity { case idle, calling, ringing, talking }

    unowned let world: World
    let user: UserSettings
    /// `104/1`: for the trace.
    let name: String
    private var core: SoftphoneCore
    private var entropy: Entropy
    private let address: IPAddress
    private let sipEndpoint: Endpoint
    private let firstPort: UInt16
    private var calls: UInt16 = 0
    private var armedDeadline: Instant?
    /// Counts starts: what an earlier one had planned is not done.
    private(set) var boot = 0
    private(set) var activity = Activity.idle
    private(set) var isRegistered = false
    /// The cable is out.
    private(set) var isCut = false
    /// What is sent and taken in the call's media; nil without.
    private(set) var stream: MediaStreamDescription?
    /// Whom the present call is with, as far as it is known here.
    private(set) var peer = ""
    /// Of calls placed or ringing here.
    private(set) var callCount = 0
    /// The status with which the last call failed.
    private(set) var lastFailure: Int?
    /// A call rings: the person decides.
    var onRinging: (OfficeLine) -> Void = { _ in }
    var onTalking: (OfficeLine) -> Void = { _ in }

    init(world: World, user: UserSettings, address: IPAddress, index: Int) {
        self.world = world
        self.user = user
        self.address = address
        name = "\(user.extension)/\(index + 1)"
        sipEndpoint = Endpoint(address: address, port: 5_060 + 2 * UInt16(index))
        firstPort = 10_000 + 1_000 * UInt16(index)
        entropy = world.fork()
        core = Self.makeCore(user, world)
        world.bind(sipEndpoint) { [unowned self] bytes, source in
            guard !isCut else { return }
            input(.message(bytes, SIPFlow(transport: .udp, local: sipEndpoint, remote: source)))
        }
    }

    private static func makeCore(_ user: UserSettings, _ world: World) -> SoftphoneCore {
        SoftphoneCore(
            account: SoftphoneAccount(
                user: user.extension, displayName: user.name, password: user.password, domain: "pbx.example",
                codecs: [.pcmu, .pcma]),
            hashes: world.hashes)
    }

    var isQuiet: Bool { core.isQuiet }
    var isHolding: Bool { core.isHolding }
    /// A call stands, and nothing is being changed in it.
    var mayChange: Bool { activity == .talking && core.mayChange }
    var dialogID: DialogID? { core.dialogID }
    /// Where the present call's media are taken.
    var rtpEndpoint: Endpoint { Endpoint(address: address, port: firstPort + 2 * (calls % 400)) }

    // MARK: What the person does

    func connect() {
        input(.connected(SIPFlow(transport: .udp, local: sipEndpoint, remote: ApplianceNode.sipEndpoint)))
    }

    func call(_ number: String) {
        guard activity == .idle else { return }
        activity = .calling
        callCount += 1
        lastFailure = nil
        peer = number
        command(.call(number))
    }

    /// Takes a call that rings at another telephone, whose early dialog is known from watching it.
    func pickUp(_ dialog: DialogID, of number: String) {
        guard activity == .idle else { return }
        activity = .calling
        callCount += 1
        lastFailure = nil
        peer = number
        command(.pickUp(number, dialog))
    }

    func command(_ command: SoftphoneCommand) {
        world.note("line \(name) \(Self.name(of: command))")
        input(.command(command))
    }

    private static func name(of command: SoftphoneCommand) -> String {
        switch command {
        case .transfer(let number, let replaces):
            "transfers to \(number)\(replaces == nil ? "" : ", joining its other call")"
        default: "\(command)"
        }
    }

    // MARK: What happens to it

    func cutCable() {
        isCut = true
        world.note("line \(name) has no network")
    }

    func mendCable() {
        guard isCut else { return }
        isCut = false
        world.note("line \(name) has network")
    }

    /// Off and on: nothing is known of calls any more, and nobody is told.
    func restart() {
        world.note("line \(name) restarts")
        boot += 1
        core = Self.makeCore(user, world)
        armedDeadline = nil
        activity = .idle
        isRegistered = false
        stream = nil
        calls &+= 1
        connect()
    }

    // MARK: Core

    private func input(_ input: SoftphoneInput) {
        let effects = core.handle(input, at: world.now, entropy: &entropy)
        for effect in effects { run(effect) }
        arm()
    }

    private func run(_ effect: SoftphoneEffect) {
        switch effect {
        case .transmit(let bytes, let flow):
            world.note("line \(name) > \(Summary.firstLine(bytes))\(isCut ? " (no network)" : "")")
            if !isCut { world.send(bytes, from: sipEndpoint, to: flow.remote) }
        case .openMedia:
            calls &+= 1
            let boot = boot
            world.after(.milliseconds(1)) { [unowned self] in
                guard boot == self.boot else { return }
                input(.mediaReady(rtpEndpoint.address, port: rtpEndpoint.port))
            }
        case .configureMedia(let stream): self.stream = stream
        case .closeMedia: stream = nil
        case .event(let event):
            world.note("line \(name) \(event)")
            note(event)
        }
    }

    private func note(_ event: SoftphoneEvent) {
        switch event {
        case .registered: isRegistered = true
        case .unregistered, .registrationFailed: isRegistered = false
        case .incoming(let from):
            activity = .ringing
            callCount += 1
            peer = from
            onRinging(self)
        case .ringing: break
        case .established:
            activity = .talking
            onTalking(self)
        case .ended: activity = .idle
        case .failed(let status):
            activity = .idle
            lastFailure = status
        case .answered, .notified: break
        }
    }

    private func arm() {
        guard let deadline = core.nextDeadline else { return }
        if let armedDeadline, armedDeadline <= deadline, armedDeadline >= world.now { return }
        armedDeadline = deadline
        let boot = boot
        world.at(deadline) { [unowned self] in
            guard armedDeadline == deadline, boot == self.boot else { return }
            armedDeadline = nil
            input(.deadline)
        }
    }
}
