import Primitives
package import RTP

/// Sides whose keys are agreed on in the media path (DTLS-SRTP, RFC 5763): their ports take DTLS, RTP and RTCP.
extension MediaSession {
    /// Why a side will get no keys; each is told once. Its media are dropped both ways.
    package mutating func takeFailure() -> (side: MediaSide, failure: KeyAgreementFailure)? {
        defer { noteAgreements() }
        return failures.isEmpty ? nil : failures.removeFirst()
    }

    mutating func noteAgreements() {
        isAgreeingOnKeys = !failures.isEmpty || agreements.contains { $0.isAgreeing }
    }

    /// Takes what is no RTP on a port that several protocols share; false when the datagram is still to be looked at.
    mutating func takeMultiplexed(
        _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on side: MediaSide, at now: Instant,
        output: inout PacketBatch
    ) -> Bool {
        let index = side.rawValue
        let bytes = UnsafeRawBufferPointer(datagram)
        switch (DatagramKind(bytes), legs[index].description != nil) {
        case (.dtls, true):
            receiveKeyDatagram(Array(bytes), from: source, on: index, at: now, output: &output)
            return true
        case (.dtls, false):
            agreements[index].keep(bytes, from: source, limit: earlyKeyDatagrams)
            return true
        case (.rtcp, true):
            receiveRTCP(datagram, from: source, on: side, at: now)
            return true
        case (.rtp, _), (.rtcp, false), (.stun, _), (.unknown, _): return false
        }
    }

    /// What is due of a side's association.
    mutating func handleKeyDeadline(_ index: Int, at now: Instant, output: inout PacketBatch) {
        guard let due = agreements[index].nextDeadline, due <= now else { return }
        let (effects, early) = agreements[index].handleDeadline(at: now)
        run(effects, on: index, at: now, output: &output)
        for datagram in early {
            receiveKeyDatagram(datagram.bytes, from: datagram.source, on: index, at: now, output: &output)
        }
    }

    /// Tells the peer that the association ends.
    mutating func closeKeyAgreement(_ index: Int, at now: Instant, output: inout PacketBatch) {
        run(agreements[index].handle(.close, at: now), on: index, at: now, output: &output)
    }

    private mutating func receiveKeyDatagram(
        _ bytes: [UInt8], from source: Endpoint, on index: Int, at now: Instant, output: inout PacketBatch
    ) {
        guard legs[index].admitsKeyAgreement(from: source, at: now) else { return }
        agreements[index].source = source
        run(agreements[index].handle(.datagram(bytes), at: now), on: index, at: now, output: &output)
    }

    private mutating func run(
        _ effects: [KeyAgreementEffect], on index: Int, at now: Instant, output: inout PacketBatch
    ) {
        defer { noteAgreements() }
        for effect in effects {
            switch effect {
            case .transmit(let bytes): legs[index].transmit(bytes, to: agreements[index].source, output: &output)
            case .agreed(let send, let receive):
                do throws(SRTPError) {
                    try legs[index].take(
                        send: send, receive: receive, from: agreements[index].source, using: protection, at: now)
                } catch { fail(index, .unavailable(reason: "\(error)")) }
            case .failed(let failure): fail(index, failure)
            case .closed: legs[index].dropKeys()
            }
        }
    }

    private mutating func fail(_ index: Int, _ failure: KeyAgreementFailure) {
        legs[index].dropKeys()
        agreements[index].forget()
        failures.append((legs[index].side, failure))
    }
}
