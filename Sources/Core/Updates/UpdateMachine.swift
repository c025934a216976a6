package import CloudMessages
package import Primitives
package import PrivacyContract

/// Looks for updates, fetches a bundle and hands it to the installer (F-S2).
///
///     idle ──check, schedule──> asking ──manifest──> idle (offer: nothing, held back, or installable)
///     idle (installable) ──install──> downloading ──whole and right──> installing ──handed over──> handedOver
///       ^                               │  broken: again after a pause, from where it stopped      │
///       └──────── refused, given up, switched off ─────────────────────────────────────────────────┘
///
/// It never installs by itself: an update restarts the appliance, and calls with it.
package struct UpdateMachine: Sendable {
    package enum Input: Sendable, Equatable {
        /// Whether the owner allows questions and a server is known, and whether they are asked without being told to.
        case wanted(isOn: Bool, hasServer: Bool, looksByItself: Bool)
        case check(UpdateRequester)
        case install(UpdateRequester)
        case answered(CloudReply, installationID: String, known: UnixTime?)
        case fetched(CloudReply)
        case handedOver
        case handOverFailed(String)
        case timePassed
    }
    package enum Effect: Sendable, Equatable {
        case query(Trigger)
        case fetch(UpdateManifest)
        case handOver(UpdateManifest)
        /// A manifest of that time was believed: no earlier one will be.
        case believed(issuedAt: UnixTime)
        case answer(UpdateRequester, Result<String, UpdateRefusal>)
        case log(String)
    }

    private enum State: Sendable {
        case idle
        case asking(UpdateRequester?)
        case downloading(UpdateManifest)
        /// The connection broke; what has come is kept.
        case pausing(UpdateManifest, until: Instant)
        case installing(UpdateManifest)
        case handedOver(UpdateManifest)
    }

    /// Between two questions that nobody asked for; each is put off by up to `spread`, so that not all come at once.
    package static let interval = Duration.seconds(86_400)
    package static let spread = Duration.seconds(3_600)
    /// How often a broken download goes on by itself.
    package static let resumptions = 5

    private let judge: UpdateJudge
    private var state = State.idle
    private var offer: UpdateManifest?
    private var isHeldBack = false
    private var isOn = false
    private var hasServer = false
    private var looksByItself = true
    private var checkAt: Instant?
    private var checkedAt: UnixTime?
    private var outcome: String?
    private var backoff = RetryBackoff(base: .seconds(5), cap: .seconds(300))

    package init(judge: UpdateJudge) { self.judge = judge }

    package var status: UpdateStatus {
        let (phase, manifest): (UpdateStatus.Phase, UpdateManifest?) =
            switch state {
            case .idle: (.idle, offer)
            case .asking: (.asking, offer)
            case .downloading(let manifest), .pausing(let manifest, _): (.downloading, manifest)
            case .installing(let manifest): (.installing, manifest)
            case .handedOver(let manifest): (.handedOver, manifest)
            }
        return UpdateStatus(
            phase: phase, offer: manifest, isHeldBack: isHeldBack, checkedAt: checkedAt, outcome: outcome,
            looksByItself: looksByItself)
    }

    package var nextDeadline: Instant? {
        guard isOn, hasServer else { return nil }
        return switch state {
        case .pausing(_, let until): until
        case .idle, .handedOver: looksByItself ? checkAt : nil
        case .asking, .downloading, .installing: nil
        }
    }

    package mutating func handle(
        _ input: Input, at now: Instant, wall: UnixTime, entropy: inout Entropy
    ) -> [Effect] {
        switch input {
        case .wanted(let isOn, let hasServer, let looksByItself):
            return configure(isOn, hasServer, looksByItself, now, &entropy)
        case .check(let requester):
            if let refusal = obstacle { return [.answer(requester, .failure(refusal))] }
            state = .asking(requester)
            return [.query(.administrator)]
        case .install(let requester): return install(requester)
        case .answered(let reply, let installationID, let known):
            return answered(reply, installationID, known, now, wall, &entropy)
        case .fetched(let reply): return fetched(reply, now, &entropy)
        case .handedOver:
            guard case .installing(let manifest) = state else { return [] }
            state = .handedOver(manifest)
            return [ended("version \(manifest.version) was handed to the installer")]
        case .handOverFailed(let reason):
            guard case .installing = state else { return [] }
            state = .idle
            return [ended("\(UpdateRefusal.installer(reason))")]
        case .timePassed: return timePassed(now)
        }
    }

    private mutating func timePassed(_ now: Instant) -> [Effect] {
        guard isOn, hasServer else { return [] }
        switch state {
        case .pausing(let manifest, let until) where now >= until:
            state = .downloading(manifest)
            return [.fetch(manifest)]
        case .idle, .handedOver:
            guard looksByItself, let due = checkAt, now >= due else { return [] }
            checkAt = nil
            state = .asking(nil)
            return [.query(.schedule)]
        case .pausing, .asking, .downloading, .installing: return []
        }
    }

    private mutating func configure(
        _ isOn: Bool, _ hasServer: Bool, _ looksByItself: Bool, _ now: Instant, _ entropy: inout Entropy
    ) -> [Effect] {
        let isReady = isOn && hasServer
        let began = isReady && !(self.isOn && self.hasServer)
        (self.isOn, self.hasServer, self.looksByItself) = (isOn, hasServer, looksByItself)
        if began || (isReady && looksByItself && checkAt == nil && isResting) {
            checkAt = now + (began ? .zero : Self.interval) + entropy.jitter(upTo: Self.spread)
        }
        guard !isReady else { return [] }
        checkAt = nil
        // What is on its way is cancelled by whoever sends it; a pause ends here.
        if case .pausing = state { state = .idle }
        return []
    }

    private var isResting: Bool {
        switch state {
        case .idle, .handedOver: true
        case .asking, .downloading, .pausing, .installing: false
        }
    }

    /// Why nothing can begin now.
    private var obstacle: UpdateRefusal? {
        guard isOn else { return .switchedOff }
        guard hasServer else { return .noServer }
        switch state {
        case .idle, .handedOver: return nil
        case .asking: return .busy("the update server is being asked")
        case .downloading(let manifest), .pausing(let manifest, _): return .busy("\(manifest.version) is being fetched")
        case .installing(let manifest): return .busy("\(manifest.version) is being installed")
        }
    }

    private mutating func install(_ requester: UpdateRequester) -> [Effect] {
        if let refusal = obstacle { return [.answer(requester, .failure(refusal))] }
        guard let offer else { return [.answer(requester, .failure(.nothingToInstall))] }
        guard !isHeldBack else {
            let refusal = UpdateRefusal.heldBack(version: offer.version, percent: offer.rolloutPercent)
            return [.answer(requester, .failure(refusal))]
        }
        backoff.reset()
        state = .downloading(offer)
        let text = "version \(offer.version) is being fetched; 'pbxctl update status' says how far it is"
        return [.fetch(offer), .answer(requester, .success(text))]
    }

    private mutating func answered(
        _ reply: CloudReply, _ installationID: String, _ known: UnixTime?, _ now: Instant, _ wall: UnixTime,
        _ entropy: inout Entropy
    ) -> [Effect] {
        guard case .asking(let requester) = state else { return [] }
        state = .idle
        checkAt = isOn && hasServer ? now + Self.interval + entropy.jitter(upTo: Self.spread) : nil
        var effects: [Effect] = []
        let result: Result<String, UpdateRefusal>
        do throws(UpdateRefusal) {
            result = .success(try considered(reply, installationID, known, wall, &effects))
        } catch {
            if case .server = error {} else { offer = nil }
            result = .failure(error)
        }
        switch result {
        case .success(let text): outcome = text
        case .failure(let refusal): outcome = "\(refusal)"
        }
        if let requester {
            effects.append(.answer(requester, result))
        } else if case .failure(let refusal) = result {
            effects.append(.log("\(refusal)"))
        }
        return effects
    }

    private mutating func considered(
        _ reply: CloudReply, _ installationID: String, _ known: UnixTime?, _ wall: UnixTime, _ effects: inout [Effect]
    ) throws(UpdateRefusal) -> String {
        switch reply {
        case .accepted:
            (offer, isHeldBack, checkedAt) = (nil, false, wall)
            return "there is no newer version"
        case .update(let manifest, let forgery):
            checkedAt = wall
            let verdict = try judge.judge(
                manifest, forgery: forgery, known: known, installationID: installationID, at: wall)
            if known.map({ $0 < manifest.issuedAt }) ?? true { effects.append(.believed(issuedAt: manifest.issuedAt)) }
            offer = verdict == .upToDate ? nil : manifest
            isHeldBack = verdict == .heldBack
            switch verdict {
            case .upToDate: return "version \(manifest.version) runs, and is the newest"
            case .offered: return "version \(manifest.version) can be installed: 'pbxctl update install'"
            case .heldBack:
                return "\(UpdateRefusal.heldBack(version: manifest.version, percent: manifest.rolloutPercent))"
            }
        case .refused(let status, let detail, _): throw .server("\(status) \(detail)")
        case .unreachable(let reason): throw .server(reason)
        case .serviceStatus, .backups: throw .server("an answer of another kind")
        }
    }

    private mutating func fetched(_ reply: CloudReply, _ now: Instant, _ entropy: inout Entropy) -> [Effect] {
        guard case .downloading(let manifest) = state else { return [] }
        switch reply {
        case .accepted:
            // It came although it was stopped: the last byte was here already.
            guard isOn, hasServer else {
                state = .idle
                return [ended("updates were switched off before version \(manifest.version) was handed over")]
            }
            state = .installing(manifest)
            return [.handOver(manifest)]
        case .refused(_, let detail, _) where !reply.isTransientFailure:
            state = .idle
            return [ended("\(UpdateRefusal.bundle(detail))")]
        case .refused, .unreachable, .serviceStatus, .backups, .update:
            guard isOn, hasServer, backoff.failures < Self.resumptions else {
                state = .idle
                return [ended("\(UpdateRefusal.server(reply.ledgerResult))")]
            }
            state = .pausing(
                manifest, until: now + backoff.next(retryAfter: reply.retryAfter, entropy: &entropy))
            return []
        }
    }

    private mutating func ended(_ text: String) -> Effect {
        outcome = text
        return .log(text)
    }
}

/// Who asked, and is to be answered.
package struct UpdateRequester: Hashable, Sendable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
}
