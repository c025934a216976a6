import Primitives
import RTP

/// Telephone events of the source for a sink that takes none: their tones stand in the decoded audio.
extension Transcoder {
    mutating func sound(
        _ event: TelephoneEvent, _ header: RTPHeader, at now: Instant, sink: inout MediaLeg, output: inout PacketBatch
    ) {
        guard made.takesMore(at: now), let part = tones?.take(event, header) else { return }
        if part.isNew {
            if isSynchronised {
                bridge(to: header, missing: 0, payload: nil, at: now, sink: &sink, output: &output)
            }
            if !isSynchronised { synchronise(to: header, at: now, sink: sink) }
            expected = header.timestamp
        }
        var left = part.samples
        while left > 0 {
            let chunk = min(left, pcm.count - count)
            tones?.read(into: pcm[count..<count + chunk])
            expected &+= sourceTicks(chunk)
            made.add(chunk)
            count += chunk
            left -= chunk
            drain(at: now, sink: &sink, output: &output)
        }
        if part.isEnd { tones?.finish() }
    }

    /// Whether a tone sounds in the place of a packet of audio.
    mutating func isOverlapped(_ header: RTPHeader) -> Bool { tones?.overlap(with: header) == .overlapped }
}
