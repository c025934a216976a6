package import Media
import Primitives
import RTP
package import SDP

/// Offers and answers for one audio stream (RFC 3264): pure functions, the state is the descriptions themselves.
///
/// The first audio section that can be agreed on is taken, every other one turned down in its place; groups (RFC 8843)
/// are left unanswered, which refuses them, and multiplexed RTCP (RFC 5761) too unless the keys come by DTLS.
package enum AudioNegotiation {
    /// Whose order of codecs decides an answer.
    package enum Preference: Sendable {
        case offerer, local
        /// This one if the offer has it, else the offerer decides.
        case codec(AudioCodec)
    }

    /// Our offer: each codec, and telephone-event with the clock of each (RFC 4733 section 2.1), always with 8000 Hz
    /// too, which is all that many telephones know.
    ///
    /// Within a session, `previous` is the last description we sent: its number of sections, the place of its audio, its
    /// profile, its payload types and its `a=crypto` tags are kept, as RFC 3264 section 8 demands. A leg that requires
    /// protection, but may not carry keys, offers a protected stream without any: that fails at the peer, instead of
    /// giving away keys or speech. Keys are offered one way only, by SDES or by DTLS: the one in force, else the leg's
    /// first.
    package static func offer(_ local: LocalMedia, following previous: SessionDescription? = nil) -> SessionDescription
    {
        let sections = previous?.media ?? []
        let index = sections.firstIndex { isAudio($0) && $0.port != 0 } ?? sections.firstIndex(where: isAudio)
        let before = index.map { sections[$0] }
        let formats = PayloadTypes.formats(local, keeping: before)
        let keying = keying(local.security, after: before)
        let proto = before.flatMap { isProfile(of: $0, for: keying) ? $0.proto : nil }
        let usual =
            switch keying {
            case nil: "RTP/AVP"
            case .sdes: "RTP/SAVP"
            case .dtls: "UDP/TLS/RTP/SAVP"
            }
        var audio = AudioSection.make(local, proto: proto ?? usual, formats: formats, direction: local.direction)
        switch keying {
        case nil: break
        case .sdes: audio.attributes += CryptoChoice.offered(local.security, keeping: before)
        case .dtls: audio.attributes += DTLSChoice.offered(local.security)
        }
        var media = sections.map(AudioSection.rejected)
        if let index { media[index] = audio } else { media.append(audio) }
        return description(local, media: media, timing: previous?.timing ?? "0 0")
    }

    /// Our answer to an offer, and what it means for the media: the first codec of the offerer's order (or ours) that
    /// both speak, with the telephone-event of its clock or else of another; every other section is turned down.
    ///
    /// The payload types are the offer's, both ways (RFC 3264 section 6.1). Of the `a=crypto` lines of a protected section
    /// the strongest suite is taken; of a section with both keys and fingerprints, what the leg would rather have.
    package static func answer(
        offer: SessionDescription, local: LocalMedia, preference: Preference = .offerer
    ) throws(NegotiationError) -> (answer: SessionDescription, stream: MediaStreamDescription) {
        let (index, agreed) = try agreement(offer, local, preference)
        let offered = offer.media[index]
        var answered = [PayloadTypes.format(agreed.codec, agreed.format.payloadType, local.opus)]
        if agreed.comfortNoise { answered.append(PayloadTypes.comfortNoise) }
        if let event = agreed.event {
            answered.append(PayloadTypes.telephoneEvent(event.clockRate, event.payloadType))
        }
        let stream = agreed.stream(local)
        var audio = AudioSection.make(
            local, proto: offered.proto, formats: answered,
            direction: MediaDirection(sends: stream.sends, receives: stream.receives))
        audio.attributes += agreed.protection.attributes
        audio.kind = offered.kind
        var media = offer.media.map(AudioSection.rejected)
        media[index] = audio
        return (description(local, media: media, timing: offer.timing), stream)
    }

    /// The codecs in common with the section of an offer that `answer` would take, in the offer's order; empty when it
    /// would throw.
    package static func codecs(offeredIn offer: SessionDescription, local: LocalMedia) -> [AudioCodec] {
        guard let (index, _) = try? agreement(offer, local, .offerer) else { return [] }
        var codecs: [AudioCodec] = []
        for format in offer.media[index].audioFormats {
            let codec = local.codecs.first { PayloadTypes.matches(format, $0) }
            if let codec, !codecs.contains(codec) { codecs.append(codec) }
        }
        return codecs
    }

    /// What the peer says about Opus in the section of an offer that `answer` would take; nil when it has none there.
    package static func opus(offeredIn offer: SessionDescription, local: LocalMedia) -> OpusParameters? {
        guard let (index, _) = try? agreement(offer, local, .offerer) else { return nil }
        let format = offer.media[index].audioFormats.first { PayloadTypes.matches($0, .opus) }
        return format.map { OpusParameters(fmtp: $0.fmtp) }
    }

    /// Our answer to an offer that turns every stream down, as it ends the audio of a session that goes on (RFC 3264
    /// section 8.2); nil when something is offered.
    package static func answerWithoutMedia(offer: SessionDescription, local: LocalMedia) -> SessionDescription? {
        guard offer.media.allSatisfy({ $0.port == 0 }) else { return nil }
        return description(local, media: offer.media.map(AudioSection.rejected), timing: offer.timing)
    }

    /// What the answer to an offer of ours means for the media: we send under the answer's payload types and receive
    /// under the offer's (RFC 3264 section 6.1).
    ///
    /// `offer` is what was sent, if it was not `offer(local)`; a payload type that the answer does not explain has the
    /// meaning it has there.
    package static func accept(
        answer: SessionDescription, local: LocalMedia, offer sent: SessionDescription? = nil
    ) throws(NegotiationError) -> MediaStreamDescription {
        let offer = sent ?? offer(local)
        try checkMatch(answer, offer)
        guard let index = offer.media.firstIndex(where: { isAudio($0) && $0.port != 0 }) else { throw .noAudio }
        let (answered, offered) = (answer.media[index], offer.media[index])
        let agreed = try AudioSection.agree(
            answered, in: answer, local: local, preference: .offerer, explainedBy: offered)
        var result = agreed.stream(local)
        let ours = offered.audioFormats
        if let same = ours.first(where: { PayloadTypes.matches($0, agreed.codec) }) {
            result.receivePayloadType = same.payloadType
        }
        if let event = agreed.event,
            let same = ours.first(where: { PayloadTypes.isTelephoneEvent($0, clockRate: event.clockRate) })
        {
            result.telephoneEventReceivePayloadType = same.payloadType
        }
        return result
    }
}

extension AudioNegotiation {
    private static func isAudio(_ media: MediaDescription) -> Bool { media.kind.lowercased() == "audio" }

    /// How our offer protects the stream; nil: not at all.
    private static func keying(_ security: LegSecurity, after before: MediaDescription?) -> SRTPKeying? {
        if let before {
            if before.isDTLSProfile || before.has("fingerprint"), security.takesDTLS { return .dtls }
            if before.isSecureProfile, security.takesSDES { return .sdes }
            guard security.policy == .required else { return nil }
        }
        return security.offersProtected ? security.keying.first ?? .sdes : nil
    }

    /// Whether a section's profile goes on with keys from there.
    private static func isProfile(of before: MediaDescription, for keying: SRTPKeying?) -> Bool {
        switch keying {
        case nil: !before.isSecureProfile && !before.isDTLSProfile
        case .sdes: before.isSecureProfile
        case .dtls: before.isDTLSProfile || before.isSecureProfile && before.has("fingerprint")
        }
    }

    /// The first audio section of an offer that can be agreed on. Throws why the first one that is not turned down cannot.
    private static func agreement(
        _ offer: SessionDescription, _ local: LocalMedia, _ preference: Preference
    ) throws(NegotiationError) -> (index: Int, AudioSection.Agreement) {
        var reason: NegotiationError?
        for (index, section) in offer.media.enumerated() where isAudio(section) && section.port != 0 {
            do throws(NegotiationError) {
                return (index, try AudioSection.agree(section, in: offer, local: local, preference: preference))
            } catch {
                reason = reason ?? error
            }
        }
        throw reason ?? .noAudio
    }

    /// Throws unless the answer has the offer's sections, in kind and profile (RFC 3264 section 6).
    private static func checkMatch(
        _ answer: SessionDescription, _ offer: SessionDescription
    ) throws(NegotiationError) {
        guard answer.media.count == offer.media.count else {
            throw .answerDoesNotMatch(
                reason: .sections(offered: offer.media.count, answered: answer.media.count))
        }
        for (answered, offered) in zip(answer.media, offer.media) {
            guard answered.kind.lowercased() == offered.kind.lowercased() else {
                throw .answerDoesNotMatch(reason: .kind(offered: offered.kind, answered: answered.kind))
            }
            // Between AVP and AVPF nothing changes for us, and telephones mix them up.
            guard
                answered.port == 0
                    || answered.isSecureProfile == offered.isSecureProfile
                        && answered.isDTLSProfile == offered.isDTLSProfile
            else {
                throw .answerDoesNotMatch(reason: .profile(offered: offered.proto, answered: answered.proto))
            }
        }
    }

    private static func description(
        _ local: LocalMedia, media: [MediaDescription], timing: String
    ) -> SessionDescription {
        SessionDescription(
            origin: .init(
                sessionID: local.sessionID, sessionVersion: local.sessionVersion, address: "\(local.address)"),
            connection: local.address, timing: timing, media: media)
    }
}
