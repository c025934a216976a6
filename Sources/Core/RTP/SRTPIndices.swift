/// Which SRTCP indices were seen of each source under one master key: the index travels in the packet, so there is nothing
/// to estimate (RFC 3711 section 3.4).
package struct SRTPIndices: Sendable {
    private var windows: [(ssrc: UInt32, window: SRTPReplayWindow)] = []
    private var evictNext = 0

    package init() { windows.reserveCapacity(SRTPStreams.capacity) }

    /// False for an index that was seen, or is too old to know.
    package func admits(ssrc: UInt32, index: UInt64) -> Bool {
        windows.first { $0.ssrc == ssrc }?.window.admits(index) ?? true
    }

    /// Takes over an index that `admits` let in, once its packet has proved authentic.
    package mutating func accept(ssrc: UInt32, index: UInt64) {
        if let known = windows.firstIndex(where: { $0.ssrc == ssrc }) {
            windows[known].window.mark(index)
            return
        }
        var window = SRTPReplayWindow()
        window.mark(index)
        if windows.count < SRTPStreams.capacity {
            windows.append((ssrc, window))
        } else {
            windows[evictNext] = (ssrc, window)
            evictNext = (evictNext + 1) % SRTPStreams.capacity
        }
    }
}
