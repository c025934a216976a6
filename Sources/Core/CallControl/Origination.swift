import Media
import MediaNegotiation
import Primitives
package import SIPMessage

/// A call that the appliance makes by itself: somebody here is called first, and then what that is for.
package struct Origination: Sendable {
    package enum Purpose: Sendable, Equatable {
        /// That number is called for who has answered.
        case dial(SIPURI)
        /// Who has answered comes into the room, and only listens if `isListener`.
        case room(CallService, isListener: Bool)
    }

    /// Who is called first.
    package var party: CallParty
    package var ranks: [[CallTarget]]
    /// Who seems to call, and whom the record names.
    package var shown: CallParty
    package var purpose: Purpose
    /// How long the telephones ring.
    package var patience: Duration

    package init(
        party: CallParty, ranks: [[CallTarget]], shown: CallParty, purpose: Purpose,
        patience: Duration = .seconds(30)
    ) {
        self.party = party
        self.ranks = ranks.filter { !$0.isEmpty }
        self.shown = shown
        self.purpose = purpose
        self.patience = patience
    }
}

extension CallControl {
    /// Calls somebody; false when there is no telephone or no place.
    package mutating func originate(_ origination: Origination, _ context: inout CallContext) -> Bool {
        guard !origination.ranks.isEmpty, activeCount + originations.count < callsLimit else { return false }
        let id = makeCallID()
        originations[id] = origination
        context.count("calls.originated")
        context.effects.append(.media(.open(MediaSessionID(id))))
        wait(for: id, until: context.now + timers.media)
        return true
    }

    /// The media workers' answer to `originate`; false when it is about something else.
    mutating func originated(_ event: MediaEvent, _ context: inout CallContext) -> Bool {
        guard let id = event.session?.value, let origination = originations.removeValue(forKey: id) else {
            return false
        }
        guard case .opened(_, let portA, let portB) = event else {
            abandonedCount += 1
            return true
        }
        begin(origination, id: id, ports: [.a: portA, .b: portB], &context)
        return true
    }

    /// The workers have not answered; what they may still open is closed.
    mutating func abandon(_ id: UInt64, _ context: inout CallContext) {
        guard originations.removeValue(forKey: id) != nil else { return }
        abandonedCount += 1
        context.count("media.timeout")
        context.effects.append(.media(.close(MediaSessionID(id))))
    }
}

/// Calls of the appliance's own.
extension Call {
    /// Rings the telephones of who is called first.
    init(
        _ origination: Origination, id: UInt64, ports: [MediaSide: UInt16], localMedia: LocalMedia,
        telephoneMedia: MediaRules, sounds: CallSounds, domain: String, timers: CallTimers, limits: Limits,
        context: inout CallContext
    ) {
        self.id = id
        self.timers = timers
        self.limits = limits
        self.domain = domain
        self.localMedia = localMedia
        self.telephoneMedia = telephoneMedia
        self.sounds = sounds
        self.origination = origination
        self.ports = ports
        destination = .user(origination.shown)
        ranks = origination.ranks
        plan = RingPlan()
        isPrivate = false
        isEmergency = false
        fallback = nil
        startDate = context.wall
        maxForwards = 70
        callerIdentity = CallerIdentity(party: origination.shown, isAnonymous: false)
        phase = .ringing
        legs = []
        participants = []
        bridge = [:]
        ring(
            Fork(
                side: .a, identity: callerIdentity, ranks: ranks, dialled: origination.party.number,
                until: context.now + origination.patience), &context)
        reportDialogs(&context)
    }

    /// Who was called first has answered.
    mutating func completeOrigination(with index: Int, _ origination: Origination, _ context: inout CallContext) {
        bridge[.a] = index
        fork = nil
        early = nil
        switch origination.purpose {
        case .room(let service, let isListener):
            self.service = service
            self.isListener = isListener
            talk(&context)
        case .dial(let uri):
            recall = Recall(question: questionCount, side: .b)
            talk(&context)
            ask(.transfer, for: uri, by: origination.party, for: (origination.party, false), &context)
        }
    }
}
