package import Media
package import MediaNegotiation
package import Primitives
package import SDP

/// What one leg has offered, answered and agreed (RFC 3264): the session description side of a leg.
package struct LegMedia: Sendable {
    private var local: LocalMedia
    /// The last description sent: another one needs a higher version in its origin (RFC 3264 section 8).
    private var lastSent: SessionDescription?
    /// True while an offer of ours waits for its answer.
    package private(set) var awaitsAnswer = false
    /// What was agreed last; nil before the first agreement.
    package private(set) var stream: MediaStreamDescription?

    package init(local: LocalMedia) {
        self.local = local
    }

    /// The local port once the media workers have opened it.
    package mutating func bind(port: UInt16) { local.port = port }

    /// Puts `codecs` first, in their order: those of the other leg, so that nothing needs transcoding.
    package mutating func prefer(_ codecs: [AudioCodec]) {
        local.codecs = codecs + local.codecs.filter { !codecs.contains($0) }
    }

    package mutating func makeOffer() -> [UInt8] {
        awaitsAnswer = true
        return send(AudioNegotiation.offer(local))
    }

    /// Answers an offer and takes on what it asks for. Throws, and nothing has changed, when no answer is possible.
    package mutating func answer(_ offer: [UInt8]) throws -> [UInt8] {
        let offer = try SessionDescription.parse(offer)
        let (answer, stream) = try AudioNegotiation.answer(offer: offer, local: local)
        self.stream = stream
        return send(answer)
    }

    /// Takes on the answer to the offer of ours.
    package mutating func accept(_ answer: [UInt8]) throws {
        awaitsAnswer = false
        stream = try AudioNegotiation.accept(answer: SessionDescription.parse(answer), local: local)
    }

    private mutating func send(_ description: SessionDescription) -> [UInt8] {
        lastSent = description
        return description.serialised()
    }
}
