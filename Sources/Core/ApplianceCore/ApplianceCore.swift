import Media
package import Persistence
package import Primitives
import Settings

/// The appliance as a function: (state, input, time) to (state, effects).
///
/// It introduces the features to each other: `Telephony` (SIP, registrar, calls) and `ConnectedServices` (pairing,
/// monitoring, backup, provisioning, call data, the egress gate). Neither knows the other; what one tells the other
/// passes through here. Not thread-safe, never blocks, reads no clock: the shell's one actor owns it.
package struct ApplianceCore: Sendable {
    private var telephony: Telephony
    private var services: ConnectedServices
    private var entropy: Entropy
    private var counters: [String: UInt64] = [:]
    private var settings: ApplianceSettings
    /// Wall time minus monotonic time, as of the last `Input.wallClock`.
    private var wallOffset: Duration
    private var nextTicket: UInt64 = 1 << 32
    private var drain: Drain?
    private var pendingSettings: [StoreTicket: (AdminRequestID, ApplianceSettings)] = [:]

    /// `Input.drain` was taken: when to stop waiting, and since when telephony has nothing left.
    private struct Drain {
        var until: Instant
        var telephonyEndedAt: Instant?

        /// The last call's record still gets a moment to become durable.
        var giveUpAt: Instant? { telephonyEndedAt.map { max(until, $0 + .seconds(2)) } }
    }

    /// `snapshot` is what the store holds; `wall` may be wrong and is corrected by `Input.wallClock`.
    package init(
        snapshot: StoreSnapshot, serial: String, model: String, firmwareVersion: String, hashes: any HashFunctions,
        entropy: Entropy, selfTest: SelfTestAccount? = nil, limits: Limits = Limits(), platform: Platform = Platform(),
        at now: Instant, wall: UnixTime
    ) {
        self.entropy = entropy
        settings = snapshot.settings
        wallOffset = wall - UnixTime(milliseconds: now.nanoseconds / 1_000_000)
        telephony = Telephony(
            settings: snapshot.settings, bindings: snapshot.bindings, lastCallDataID: snapshot.lastCallDataID,
            hashes: hashes, nonceKey: self.entropy.bytes(32), selfTest: selfTest, limits: limits, at: now, wall: wall)
        services = ConnectedServices(
            snapshot: snapshot, serial: serial, model: model, firmwareVersion: firmwareVersion, hashes: hashes,
            limits: limits, platform: platform, at: now)
    }

    /// The effects with which the appliance begins; call once, before the first input.
    package mutating func start(at now: Instant) -> [Effect] {
        defer { noteDeadline() }
        return services.start(facts: facts, at: now, wall: wall(at: now), entropy: &entropy)
    }

    /// True when nothing is left of any call or SIP transaction.
    package var isTelephonyIdle: Bool { telephony.isIdle }

    /// For invariant checkers: what is kept of calls.
    package func telephonyInspection(since revision: UInt64 = 0) -> TelephonyInspection {
        telephony.inspection(since: revision)
    }

    /// The earliest instant at which `handle(.deadline)` has work to do; nil when nothing waits.
    ///
    /// Stored, because a caller who keeps the core in a class would copy all of it to compute this.
    package private(set) var nextDeadline: Instant?

    /// Takes one input at `now`, which must not lie before that of an earlier call.
    package mutating func handle(_ input: Input, at now: Instant) -> [Effect] {
        var effects = take(input, at: now)
        effects += drained(at: now)
        noteDeadline()
        return effects
    }

    private mutating func noteDeadline() {
        nextDeadline = telephony.nextDeadline.orEarlier(services.nextDeadline).orEarlier(drain?.giveUpAt)
    }

    /// `.drained`, once: no call is left, and ledger and call records are durable or have had their time.
    private mutating func drained(at now: Instant) -> [Effect] {
        guard let giveUpAt = drain?.giveUpAt, services.isDrained || now >= giveUpAt else { return [] }
        drain = nil
        return [.drained]
    }

    private mutating func take(_ input: Input, at now: Instant) -> [Effect] {
        switch input {
        case .deadline:
            return telephonyEffects(.deadline, at: now) + serviceEffects(.deadline, at: now)
        case .wallClock(let time):
            wallOffset = time - UnixTime(milliseconds: now.nanoseconds / 1_000_000)
            return serviceEffects(input, at: now)
        case .listening(let listeners): return telephonyEffects(.listening(listeners), at: now)
        case .sipMessage(let bytes, let flow): return telephonyEffects(.message(bytes, flow), at: now)
        case .sipFlowClosed(let flow): return telephonyEffects(.flowClosed(flow), at: now)
        case .counted(let name, let count):
            counters[name, default: 0] += count
            return []
        case .media(let event): return telephonyEffects(.media(event), at: now)
        case .resolved(let query, let outcome): return telephonyEffects(.resolved(query, outcome), at: now)
        case .mediaCertificate(let fingerprint): return telephonyEffects(.mediaCertificate(fingerprint), at: now)
        case .overload(let isOverloaded): return telephonyEffects(.overload(isOverloaded), at: now)
        case .drain(let limit):
            drain = drain ?? Drain(until: now + limit)
            let stopped = serviceEffects(input, at: now)
            return stopped + telephonyEffects(.drain(deadline: now + limit), at: now)
        case .admin(let id, .calls): return [.adminReply(id, .calls(telephony.calls(at: now)))]
        case .admin(let id, .resync(let number, let reboots)):
            return telephonyEffects(.resync(id, extension: number, reboots: reboots), at: now)
        case .admin(let id, .applications(let request)):
            return telephonyEffects(.applications(id, request), at: now)
        case .prompts(let library): return telephonyEffects(.prompts(library), at: now)
        case .messages(let event): return telephonyEffects(.messages(event), at: now)
        case .admin(let id, .applySettings(let settings)): return apply(settings, for: id)
        case .stored(let ticket, let outcome):
            guard let (id, settings) = pendingSettings.removeValue(forKey: ticket) else {
                return serviceEffects(input, at: now)
            }
            return applied(settings, for: id, outcome, at: now)
        case .cloudReply, .uplink, .service, .serviceClosed, .admin, .sample, .jobFinished, .remoteLink, .sessionEnded,
            .crashReports:
            return serviceEffects(input, at: now)
        }
    }

    // MARK: - Settings: stored first, in force once committed

    private mutating func apply(_ settings: ApplianceSettings, for id: AdminRequestID) -> [Effect] {
        guard settings != self.settings else { return [.adminReply(id, .done("nothing to change"))] }
        let ticket = makeTicket()
        pendingSettings[ticket] = (id, settings)
        return [.store(ticket, [.replaceSettings(settings)])]
    }

    private mutating func applied(
        _ settings: ApplianceSettings, for id: AdminRequestID, _ outcome: StoreOutcome, at now: Instant
    ) -> [Effect] {
        switch outcome {
        case .failed(let failure):
            return [.adminReply(id, .refused(status: 507, detail: "settings not stored (\(failure)); nothing changed"))]
        case .committed:
            self.settings = settings
            services.adopt(settings)
            return telephonyEffects(.settings(settings), at: now) + [.adminReply(id, .done("settings in force"))]
        }
    }

    private mutating func makeTicket() -> StoreTicket {
        nextTicket += 1
        return StoreTicket(nextTicket)
    }

    // MARK: - Features

    private mutating func telephonyEffects(_ input: Telephony.Input, at now: Instant) -> [Effect] {
        let outputs = telephony.handle(input, at: now, wall: wall(at: now), entropy: &entropy)
        var effects: [Effect] = []
        var stored: [StoreCommand] = []  // the bindings of many users travel as one transaction
        for output in outputs {
            switch output {
            case .transmit(let bytes, let flow): effects.append(.sipTransmit(bytes, flow))
            case .close(let flow): effects.append(.sipClose(flow))
            case .media(let command): effects.append(.media(command))
            case .resolve(let query): effects.append(.resolve(query))
            case .callRecord(let record):
                effects += services.callEnded(record, at: now, wall: wall(at: now), entropy: &entropy)
            case .bindings(let aor, let bindings): stored.append(.replaceBindings(aor: aor, bindings))
            case .count(let name): counters[name, default: 0] += 1
            case .log(let level, let text): effects.append(.log(level, text))
            case .adminReply(let id, let reply): effects.append(.adminReply(id, reply))
            case .features(let user, let features):
                if let index = settings.users.firstIndex(where: { $0.extension == user }) {
                    settings.users[index].features = features
                }
                stored.append(.putUserFeatures(extension: user, features))
            case .night(let isOn):
                settings.features.office.isNight = isOn
                stored.append(.putNightSwitch(isOn))
            case .messages(let command): effects.append(.messages(command))
            case .drained: drain?.telephonyEndedAt = now
            }
        }
        if !stored.isEmpty { effects.append(.store(makeTicket(), stored)) }
        return effects
    }

    private mutating func serviceEffects(_ input: Input, at now: Instant) -> [Effect] {
        var facts = facts
        if case .sample = input { facts.meanOpinion = telephony.audio(at: now).meanOpinion }
        return services.handle(input, facts: facts, at: now, wall: wall(at: now), entropy: &entropy).map { effect in
            // The services know no lines, and of calls only their number.
            guard case .adminReply(let id, .status(var status)) = effect else { return effect }
            status.trunks = telephony.trunkStatuses(at: now)
            status.audio = telephony.audio(at: now)
            return .adminReply(id, .status(status))
        }
    }

    /// What `ConnectedServices` may know of telephony: numbers, no names.
    private var facts: TelephonyFacts {
        TelephonyFacts(
            registrations: telephony.registrationCount, calls: telephony.callCount, users: settings.users.count,
            counters: counters.sorted { $0.key < $1.key }.map { Counter($0.key, $0.value) })
    }

    private func wall(at now: Instant) -> UnixTime {
        UnixTime(milliseconds: now.nanoseconds / 1_000_000) + wallOffset
    }
}
