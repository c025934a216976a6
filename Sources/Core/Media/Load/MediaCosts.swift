/// What media cost on a machine, in processor time: measured when the engine starts (`Calibration`).
package struct MediaCosts: Hashable, Sendable {
    /// To receive a datagram and send it on.
    package var packet: Duration
    /// To decrypt or encrypt one.
    package var protectedPacket: Duration
    /// To decode a second of audio.
    package var decode: PerCodec
    /// To encode a second of audio.
    package var encode: PerCodec

    package struct PerCodec: Hashable, Sendable {
        package var g711: Duration
        package var g722: Duration
        package var opus: Duration

        package init(g711: Duration, g722: Duration, opus: Duration) {
            self.g711 = g711
            self.g722 = g722
            self.opus = opus
        }

        fileprivate func time(of streams: MediaWork.Streams) -> Duration {
            g711 * streams.g711 + g722 * streams.g722 + opus * streams.opus
        }
    }

    package init(packet: Duration, protectedPacket: Duration, decode: PerCodec, encode: PerCodec) {
        self.packet = packet
        self.protectedPacket = protectedPacket
        self.decode = decode
        self.encode = encode
    }

    /// Processor time of a second of that work.
    package func time(of work: MediaWork) -> Duration {
        packet * work.packets + protectedPacket * work.protectedPackets + decode.time(of: work.decoded)
            + encode.time(of: work.encoded)
    }
}
