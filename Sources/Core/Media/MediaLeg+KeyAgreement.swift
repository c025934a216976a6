import Primitives
import RTP

/// What a key agreement does with a leg.
extension MediaLeg {
    /// Whether a handshake may come from there: the signalled endpoint, or what an address translator makes of it. The
    /// peer's certificate decides later; this keeps strangers from using up the one association.
    mutating func admitsKeyAgreement(from source: Endpoint, at now: Instant) -> Bool {
        guard let facts, latch.mayAgree(source, facts.signalled, at: now) else {
            dropStranger(source)
            return false
        }
        return true
    }

    /// Sends a datagram of the handshake, whether or not the peer wants media now; nowhere while no address is known.
    func transmit(_ bytes: [UInt8], to source: Endpoint?, output: inout PacketBatch) {
        guard let destination = source ?? latch.destination(signalled: facts?.signalled.media),
            bytes.count <= output.packetBytes, let slot = output.reserve()
        else { return }
        slot.copyBytes(from: bytes)
        output.commit(size: bytes.count, side: side, to: destination)
    }

    /// The keys that were agreed on with `source`, which has proved by its certificate who it is.
    mutating func take(
        send: SRTPMasterKey, receive: SRTPMasterKey, from source: Endpoint?, using factory: (any PacketProtection)?,
        at now: Instant
    ) throws(SRTPError) {
        try protection.take(send: send, receive: receive, using: factory)
        if let source { latch.believe(source, at: now) }
    }

    /// Nothing goes in or out any more.
    mutating func dropKeys() { protection.dropKeys() }
}
