package import Media
package import MediaNegotiation
package import Primitives
import SDP
package import SIPTransaction

/// What one leg has offered, answered and agreed (RFC 3264): the session description side of a leg.
///
/// Offers and answers may come in any order that the leg's dialog allows, an answer also twice (early and final, RFC 6337
/// section 3.1); the last one counts. A method that throws has changed nothing.
package struct LegMedia: Sendable {
    /// The two that a callee may be made under `SRTPPolicy.preferred`.
    package enum Offer: Sendable, Hashable { case protected, plain }

    private var local: LocalMedia
    private let rules: MediaRules
    /// The other leg's codec, taken if the peer has it; else the peer's own order decides.
    private var preferred: AudioCodec?
    /// The last description sent: a different one needs the next version in its origin (RFC 3264 section 8).
    private var lastSent: SessionDescription?
    /// Ours of the last agreement: what holds again when an offer is refused.
    private var inForce: SessionDescription?
    /// The last one taken on from the peer.
    private var lastReceived: SessionDescription?
    private var signallingAddress: IPAddress?
    /// What may follow our first offer, should that be refused.
    private var alternative: Offer?
    /// What was agreed last; nil before the first agreement.
    package private(set) var stream: MediaStreamDescription?

    /// Plain RTP until `reach` tells how the leg's signalling travels.
    package init(local: LocalMedia, rules: MediaRules = MediaRules()) {
        self.local = local
        self.rules = rules
        self.local.codecs = rules.codecs
        self.local.comfortNoise = rules.comfortNoise
    }

    /// The appliance's side before its port is known: all codecs, the best first.
    package static func local(address: IPAddress, session: UInt64) -> LocalMedia {
        LocalMedia(
            address: address, port: 9, codecs: AudioCodec.preferred, telephoneEvent: true, ptime: .milliseconds(20),
            sessionID: session >> 2, sessionVersion: 1, direction: .sendrecv)
    }

    /// The same for a leg whose signalling takes this way, protected or not as `rules` say.
    package static func local(
        address: IPAddress, session: UInt64, over flow: SIPFlow, rules: MediaRules = MediaRules(),
        entropy: inout Entropy
    ) -> LocalMedia {
        var local = local(address: address, session: session)
        local.codecs = rules.codecs
        local.comfortNoise = rules.comfortNoise
        local.security = rules.srtp.security(isSignallingSecure: flow.transport == .tls, entropy: &entropy)
        return local
    }

    /// The codecs in common with an offer, in the order of the offer; empty when there is no audio to agree on.
    package static func codecs(offeredIn body: [UInt8], local: LocalMedia) -> [AudioCodec] {
        guard let offer = try? SessionDescription.parse(body) else { return [] }
        return AudioNegotiation.codecs(offeredIn: offer, local: local)
    }

    /// What an offer says about Opus; nil when it has none that we could take.
    package static func opus(offeredIn body: [UInt8], local: LocalMedia) -> OpusParameters? {
        guard let offer = try? SessionDescription.parse(body) else { return nil }
        return AudioNegotiation.opus(offeredIn: offer, local: local)
    }

    // MARK: What we are ready for

    /// The leg's signalling takes this way: decides on protection, draws the leg's keys, and says where a peer behind an
    /// address translator may send media from. Once per leg, before its first description.
    package mutating func reach(over flow: SIPFlow, entropy: inout Entropy) {
        signallingAddress = flow.remote.address
        local.security = rules.srtp.security(isSignallingSecure: flow.transport == .tls, entropy: &entropy)
    }

    /// The peer's signalling comes from elsewhere now; counts from the next agreement on.
    package mutating func follow(_ flow: SIPFlow) { signallingAddress = flow.remote.address }

    /// The local port once the media workers have opened it.
    package mutating func bind(port: UInt16) { local.port = port }

    /// Names the session anew: every leg's description has an origin of its own.
    package mutating func renewSession(_ session: UInt64) { local.sessionID = session >> 2 }

    /// Puts `codecs` first, in their order: those of the other leg, so that nothing needs transcoding.
    package mutating func prefer(_ codecs: [AudioCodec]) {
        let codecs = codecs.filter { rules.codecs.contains($0) }
        preferred = codecs.first
        local.codecs = codecs + local.codecs.filter { !codecs.contains($0) }
    }

    /// Announces as our own what the other leg can play of Opus, and will send, since it is passed on as it is; nil: the
    /// other leg has no Opus, and what comes is decoded to no more than 16 kHz.
    package mutating func announce(_ opposite: OpusParameters?) {
        var opus = opposite ?? .ours
        if opposite == nil { (opus.maxPlaybackRate, opus.maxCaptureRate) = (16_000, 16_000) }
        local.opus = opus
    }

    /// True while the peer takes nothing from us: it holds the call.
    package var isHeldByPeer: Bool { stream.map { !$0.sends } ?? false }

    // MARK: Offers and answers

    /// The offer that begins a call: protected where that is wanted, since a refusal can be met with a plain one.
    ///
    /// - Parameter isPlain: the callee is known to refuse protection: where either will do, it comes second.
    package mutating func makeFirstOffer(isPlain: Bool = false) -> [UInt8] {
        let hasChoice = local.security.policy == .preferred && local.security.takesProtected
        alternative = hasChoice ? isPlain ? .protected : .plain : nil
        return makeOffer(protectedIfPreferred: !isPlain)
    }

    /// What to offer to who has refused the first offer; nil when nothing else will do.
    package mutating func makeSecondOffer() -> (kind: Offer, body: [UInt8])? {
        guard let kind = alternative else { return nil }
        alternative = nil
        local.sessionVersion += 1  // nothing of the refused one holds but its name
        lastSent = nil
        return (kind, makeOffer(protectedIfPreferred: kind == .protected))
    }

    private mutating func makeOffer(protectedIfPreferred: Bool) -> [UInt8] {
        local.security.isFirstOffer = protectedIfPreferred
        defer { local.security.isFirstOffer = false }
        return makeOffer()
    }

    package mutating func makeOffer() -> [UInt8] {
        let previous = lastSent
        return send { (local) throws(Never) in AudioNegotiation.offer(local, following: previous) }
    }

    /// Offers once more what was agreed last, so that nothing changes (RFC 4028 section 7.4): word for word, or under a
    /// new version when another offer has been refused since.
    package mutating func repeatOffer() -> [UInt8] {
        guard var description = inForce else { return makeOffer() }
        return send { (local) throws(Never) in
            description.origin.sessionVersion = local.sessionVersion
            return description
        }
    }

    /// Answers an offer and takes on what it asks for. Throws when no answer is possible: a 488.
    ///
    /// An offer that says what the peer said last gets the answer of then. It is compared as a whole, because many
    /// telephones change their descriptions without a new version in `o=`.
    package mutating func answer(_ body: [UInt8]) throws -> [UInt8] {
        let offer = try SessionDescription.parse(body)
        if let stream, let ending = AudioNegotiation.answerWithoutMedia(offer: offer, local: local) {
            return endAudio(of: stream, with: ending, to: offer)
        }
        let codec = offer == lastReceived ? stream?.codec ?? preferred : preferred
        var agreed: MediaStreamDescription?
        let bytes = try send { (local) throws(NegotiationError) in
            let (answer, stream) = try AudioNegotiation.answer(
                offer: offer, local: local, preference: codec.map { .codec($0) } ?? .offerer)
            agreed = stream
            return answer
        }
        take(agreed, from: offer)
        return bytes
    }

    /// Takes on the answer to the offer of ours that was sent last, or what came in its place.
    package mutating func accept(_ body: [UInt8]) throws {
        let answer = try SessionDescription.parse(body)
        take(try AudioNegotiation.accept(answer: answer, local: local, offer: lastSent), from: answer)
    }

    private mutating func take(_ agreed: MediaStreamDescription?, from peer: SessionDescription) {
        stream = agreed
        stream?.signallingAddress = signallingAddress
        local.security.follow(agreed)
        lastReceived = peer
        inForce = lastSent
    }

    /// The peer offers no stream any more: the session goes on without.
    private mutating func endAudio(
        of stream: MediaStreamDescription, with answer: SessionDescription, to offer: SessionDescription
    ) -> [UInt8] {
        var silent = stream
        silent.sends = false
        silent.receives = false
        self.stream = silent
        lastReceived = offer
        let bytes = send { (local) throws(Never) in
            var answer = answer
            answer.origin.sessionVersion = local.sessionVersion
            return answer
        }
        inForce = lastSent
        return bytes
    }

    /// Serialises what `make` describes, under the next version of the origin if it differs from what was sent last.
    private mutating func send<Failure: Error>(
        _ make: (LocalMedia) throws(Failure) -> SessionDescription
    ) throws(Failure) -> [UInt8] {
        var description = try make(local)
        if let lastSent, lastSent != description {
            local.sessionVersion += 1
            description = try make(local)
        }
        lastSent = description
        return description.serialised()
    }
}
