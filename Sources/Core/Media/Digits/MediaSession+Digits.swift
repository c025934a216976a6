import Primitives
import RTP

/// Keys between a side that has telephone events and one that has none.
extension MediaSession {
    /// Makes ready for the keys of a relayed stream; nil for one that is not relayed.
    mutating func crossKeys(of source: MediaSide, from: MediaStreamDescription?, to: MediaStreamDescription?) {
        guard let from, let to else {
            if !relayedKeys.isEmpty { relayedKeys[source.rawValue] = nil }
            return
        }
        let key = RelayedKeys.Key(from: from, to: to)
        let made = relayedKeys.isEmpty ? nil : relayedKeys[source.rawValue]?.key
        guard made != key else { return }
        let keys = RelayedKeys(key, codecs: codecs)
        if relayedKeys.isEmpty, keys != nil { relayedKeys = [nil, nil] }
        if !relayedKeys.isEmpty { relayedKeys[source.rawValue] = keys }
    }
}

extension MediaLeg {
    /// Sends a packet of a key, under our next number.
    mutating func send(
        _ press: KeySender.Packet, timestamp: UInt32, at now: Instant, output: inout PacketBatch
    ) {
        guard let payloadType = eventPayloadType, let destination, let slot = output.reserve() else { return }
        let body = UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...])
        guard (try? press.event.write(into: body)) != nil else { return }
        let header = stream.nextHeader(payloadType: payloadType, timestamp: timestamp, marker: press.isFirst)
        send(
            header, payloadBytes: TelephoneEvent.sizeBytes, isEvent: true, in: slot, to: destination, at: now,
            output: &output)
    }
}
