import Media
import MediaNegotiation
import Primitives
import SIPMessage
import SIPUserAgent

/// The media session of a call.
extension Call {
    mutating func media(_ event: MediaEvent, _ context: inout CallContext) {
        switch event {
        case .opened(_, let portA, let portB): opened(portA, portB, &context)
        case .failed(_, let failure): mediaFailed(failure, &context)
        case .silent(_, let side):
            context.count("media.silent")
            if let index = bridge[side], phase == .talking { legs[index].sendProbe(&context) }
        case .audioPath(_, let side, let path): heard(side, path, &context)
        case .figures(_, let a, let b): measured(a, b, &context)
        case .refused(_, let refusal): mediaRefused(refusal, &context)
        case .played where isInApplication, .digit where isInApplication, .collected where isInApplication:
            applicationMedia(event, &context)
        case .played(_, let side): if !announced(side, &context) { played(side, &context) }
        case .digit(_, let side, let digit, how: _):
            if !consented(digit, on: side, &context) { pressed(&context) }
        case .collected(_, let side, let outcome):
            if service == nil, !conversation.isEmpty {
                gathered(outcome, on: side, &context)
            } else {
                collected(outcome, &context)
            }
        case .listeningEnded, .recorded, .recordingEnded, .speaking: break
        case .closed(_, let a, let b):
            measured(a, b, &context)
            finish(&context)
        }
    }

    private mutating func opened(_ portA: UInt16, _ portB: UInt16, _ context: inout CallContext) {
        guard case .opening = phase else { return }
        ports = [.a: portA, .b: portB]
        legs[0].media.bind(port: portA)
        guard case .service(_, let service) = destination else {
            phase = .ringing
            ring(
                Fork(
                    side: .b, identity: callerIdentity, ranks: ranks, dialled: destination.party.number,
                    until: context.now + min(timers.ringing, fallback?.after ?? timers.ringing), plan: plan), &context)
            return
        }
        serve(service, &context)
    }

    /// What a party was to hear is not to be had: music is done without, a conference room is not.
    private mutating func mediaRefused(_ refusal: MediaRefusal, _ context: inout CallContext) {
        context.count("media.refused")
        let isNeeded = application?.isConnected == false
        if !isNeeded { guard case .conference? = service else { return } }
        guard isActive else { return }
        let status = if case .unavailable = refusal { 501 } else { 503 }
        withLeg(applicationIndex, &context) { $0.giveUp(because: .sip(status, text: "No conference"), &$1) }
        end(&context)
    }

    private mutating func mediaFailed(_ failure: MediaFailure, _ context: inout CallContext) {
        context.count("media.failed")
        if let counter = failure.counter { context.count(counter) }
        switch failure {
        case .keysNotAgreed(let side, _):
            keysNotAgreed(on: side, &context)
            return
        case .noPortFree, .tooManySessions, .overBudget, .heldUp, .relayUnreachable, .relayLost:
            refuseCaller(503, fields: [.init(.retryAfter, "5")], &context)
        case .codecUnavailable, .protectionUnavailable, .keyAgreementUnavailable, .socket, .relayRefused:
            refuseCaller(500, &context)
        }
        switch phase {
        case .opening:  // nothing was opened, so nothing is to be closed
            phase = .ending(until: context.now)
            finish(&context)
        case .ringing, .talking: end(&context)
        case .ending, .ended: finish(&context)
        }
    }

    /// One side gets no keys. That ends the session with who speaks there, and concerns nobody else: not the telephones
    /// that still ring, nor who has taken the place of one that is gone.
    private mutating func keysNotAgreed(on side: MediaSide, _ context: inout CallContext) {
        let isEarly = bridge[side] == nil && fork?.side == side
        guard phase == .ringing || phase == .talking, let index = bridge[side] ?? (isEarly ? early : nil),
            legs[index].media.stream?.keyAgreement != nil
        else { return }
        let reason = ReasonValue.sip(488, text: "No SRTP keys by DTLS")
        if isEarly { return dropEarly(index, because: reason, &context) }
        if phase == .ringing { refuseCaller(500, &context) }
        withLeg(index, &context) { $0.giveUp(because: reason, &$1) }
        if phase == .ringing || bridge[side] == index { end(&context) }
    }

    mutating func talk(_ context: inout CallContext) {
        phase = .talking
        talkingSince = context.now
        configureMedia(&context)
    }

    /// A description of its own for a leg on that side, led to the codecs that the other end has.
    func media(
        on side: MediaSide, rules: MediaRules?, preferring codecs: [AudioCodec], _ context: inout CallContext
    ) -> LegMedia {
        var media = LegMedia(local: localMedia, rules: rules ?? telephoneMedia)
        if let port = ports[side] { media.bind(port: port) }
        media.prefer(codecs)
        media.announce(opus(opposite: side))
        media.renewSession(context.agent.entropy.next())
        return media
    }

    /// What the party at the other end of that side can be offered without transcoding.
    func codecs(opposite side: MediaSide) -> [AudioCodec] {
        guard let index = bridge[side.other] else { return [] }
        if let stream = legs[index].media.stream { return [stream.codec] }
        return LegMedia.codecs(offeredIn: SessionBody.description(in: legs[index].invite), local: localMedia)
    }

    /// What the party at the other end of that side says of Opus; nil when it has none.
    func opus(opposite side: MediaSide) -> OpusParameters? {
        guard let index = bridge[side.other] else { return .ours }
        if let stream = legs[index].media.stream { return Self.opus(of: stream) }
        let body = SessionBody.description(in: legs[index].invite)
        return body.isEmpty ? .ours : LegMedia.opus(offeredIn: body, local: localMedia)
    }

    /// What a description that was agreed on says of Opus; nil when it is of another codec.
    static func opus(of stream: MediaStreamDescription) -> OpusParameters? {
        stream.codec == .opus ? stream.opus ?? .ours : nil
    }

    /// Tells the media workers what has changed.
    mutating func configureMedia(_ context: inout CallContext) {
        guard phase == .talking || phase == .ringing else { return }
        for side in MediaSide.allCases {
            guard let index = bridge[side] ?? (fork?.side == side ? early : nil) else {
                shutOff(side, &context)
                continue
            }
            guard phase == .talking || early != nil, var stream = legs[index].media.stream else { continue }
            stream.party = index
            configure(side, stream, &context)
        }
        checkAnnouncement(&context)
        configureHearing(&context)
        conversationChanged(&context)
        // A later offer of one side is answered with the other's codec, if it has it.
        guard let a = bridge[.a], let b = bridge[.b] else { return }
        for (one, other) in [(a, b), (b, a)] {
            guard let stream = legs[other].media.stream else { continue }
            legs[one].media.prefer([stream.codec])
            legs[one].media.announce(Self.opus(of: stream))
        }
    }

    private mutating func configure(
        _ side: MediaSide, _ stream: MediaStreamDescription, _ context: inout CallContext
    ) {
        guard configured[side] != stream else { return }
        configured[side] = stream
        context.effects.append(.media(.configure(MediaSessionID(id), side, stream)))
    }

    /// Who was on that side has left, and nobody has come: what is said in the call goes there no more, and what comes
    /// from there is not heard.
    private mutating func shutOff(_ side: MediaSide, _ context: inout CallContext) {
        guard var stream = configured[side] else { return }
        stream.sends = false
        stream.receives = false
        configure(side, stream, &context)
    }

    /// A key that came by INFO goes on to the other end in the way that this takes keys: as telephone events, if they were
    /// agreed on; by INFO, if it sends its own so; else as tones. Keys in the media take their own way, in the media. A hook
    /// flash has no tones, and of telephone events we offer only the keys.
    mutating func pass(_ digit: DigitRelay, from index: Int, _ context: inout CallContext) {
        let side = participants[index].side
        guard phase == .talking, bridge[side] == index, let other = bridge[side.other] else { return }
        let takesEvents = legs[other].media.stream?.telephoneEventPayloadType != nil
        guard let key = Digit(digit.key), key != .flash, takesEvents || !legs[other].peer.sendsKeys else {
            return legs[other].relay(digit, &context)
        }
        context.effects.append(.media(.sendDigits(MediaSessionID(id), side.other, [key.event])))
    }
}
