import Media
import MediaNegotiation
import Primitives
import SDP

/// What one leg has offered, answered and agreed (RFC 3264): the session description side of a leg.
struct LegMedia: Sendable {
    private var local: LocalMedia
    /// The other leg's codec, taken if the peer has it; else the peer's own order decides.
    private var preferred: AudioCodec?
    /// The last description sent: a different one needs the next version in its origin (RFC 3264 section 8).
    private var lastSent: SessionDescription?
    /// Ours of the last agreement: what holds again when an offer is refused.
    private var inForce: SessionDescription?
    /// True while an offer of ours waits for its answer.
    private(set) var awaitsAnswer = false
    /// What was agreed last; nil before the first agreement.
    private(set) var stream: MediaStreamDescription?

    init(local: LocalMedia) {
        self.local = local
    }

    /// The appliance's side before its port is known: all codecs, the best first.
    static func local(address: IPAddress, session: UInt64) -> LocalMedia {
        LocalMedia(
            address: address, port: 9, codecs: [.opus, .pcmu, .pcma], telephoneEvent: true, ptime: .milliseconds(20),
            sessionID: session >> 2, sessionVersion: 1, direction: .sendrecv)
    }

    /// The codecs in common with an offer, in the order of the offer; empty when there is no audio to agree on.
    static func codecs(offeredIn body: [UInt8], local: LocalMedia) -> [AudioCodec] {
        guard let offer = try? SessionDescription.parse(body),
            let audio = offer.media.first(where: { $0.kind == "audio" && $0.port != 0 })
        else { return [] }
        return audio.audioFormats.compactMap { format in local.codecs.first { format.isNamed($0.rawValue) } }
    }

    /// The local port once the media workers have opened it.
    mutating func bind(port: UInt16) { local.port = port }

    /// Names the session anew: every leg's description has an origin of its own.
    mutating func renewSession(_ session: UInt64) { local.sessionID = session >> 2 }

    /// Puts `codecs` first, in their order: those of the other leg, so that nothing needs transcoding.
    mutating func prefer(_ codecs: [AudioCodec]) {
        preferred = codecs.first
        local.codecs = codecs + local.codecs.filter { !codecs.contains($0) }
    }

    mutating func makeOffer() -> [UInt8] {
        awaitsAnswer = true
        let previous = lastSent
        return send { (local) throws(Never) in AudioNegotiation.offer(local, following: previous) }
    }

    /// Offers once more what was described last, word for word, so that nothing changes (RFC 4028 section 7.4).
    mutating func repeatOffer() -> [UInt8] {
        guard let inForce else { return makeOffer() }
        awaitsAnswer = true
        lastSent = inForce
        return inForce.serialised()
    }

    /// Answers an offer and takes on what it asks for. Throws, and nothing has changed, when no answer is possible.
    mutating func answer(_ body: [UInt8]) throws -> [UInt8] {
        let offer = try SessionDescription.parse(body)
        var agreed: MediaStreamDescription?
        let preferred = preferred
        let bytes = try send { (local) throws(NegotiationError) in
            let (answer, stream) = try Self.answer(offer, as: local, preferring: preferred)
            agreed = stream
            return answer
        }
        stream = agreed
        inForce = lastSent
        return bytes
    }

    private static func answer(
        _ offer: SessionDescription, as local: LocalMedia, preferring codec: AudioCodec?
    ) throws(NegotiationError) -> (answer: SessionDescription, stream: MediaStreamDescription) {
        if let codec {
            var narrowed = local
            narrowed.codecs = [codec]
            if let agreed = try? AudioNegotiation.answer(offer: offer, local: narrowed) { return agreed }
        }
        return try AudioNegotiation.answer(offer: offer, local: local)
    }

    /// Takes on the answer to the offer of ours.
    mutating func accept(_ body: [UInt8]) throws {
        awaitsAnswer = false
        stream = try AudioNegotiation.accept(answer: SessionDescription.parse(body), local: local, offer: lastSent)
        inForce = lastSent
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
