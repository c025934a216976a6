/// What a session does every second, as far as it costs processor time.
package struct MediaWork: Hashable, Sendable {
    /// Streams that are coded, one of a codec each.
    package struct Streams: Hashable, Sendable {
        package var g711 = 0
        package var g722 = 0
        package var opus = 0

        package init(g711: Int = 0, g722: Int = 0, opus: Int = 0) {
            self.g711 = g711
            self.g722 = g722
            self.opus = opus
        }

        package mutating func add(_ codec: AudioCodec) {
            switch codec {
            case .pcmu, .pcma: g711 += 1
            case .g722: g722 += 1
            case .opus: opus += 1
            }
        }
    }

    /// Datagrams received, for each of which one is sent, or made.
    package var packets = 0
    /// Of those received and sent, the ones that are decrypted or encrypted.
    package var protectedPackets = 0
    package var decoded = Streams()
    package var encoded = Streams()

    package init() {}

    /// A session of two sides that send 50 packets a second each: what one is taken for before more is known.
    package static var relayed: MediaWork {
        var work = MediaWork()
        work.packets = 100
        return work
    }

    /// The same with Opus on one side and G.711 on the other.
    package static var transcoded: MediaWork {
        var work = relayed
        work.decoded = Streams(g711: 1, opus: 1)
        work.encoded = Streams(g711: 1, opus: 1)
        return work
    }
}
