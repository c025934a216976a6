package import Media
import Primitives

/// What rtpengine answered.
package enum RelayAnswer: Hashable, Sendable {
    /// The whole dictionary, whose `result` is `ok` or `pong`.
    case done(Bencode)
    /// It does not want to: an error, or too much load. Its words.
    case refused(String)

    /// Nil when the dictionary has no `result` that is known.
    package init?(_ message: Bencode) {
        switch message["result"]?.text {
        case "ok", "pong": self = .done(message)
        case "error": self = .refused(message["error-reason"]?.text ?? "without a reason")
        case "load limit": self = .refused(message["message"]?.text ?? "load limit")
        default: return nil
        }
    }

    /// Its words when it knows no call of that name.
    static let unknownCall = "Unknown call-id"
    static let noPorts = "Ran out of ports"

    /// The port in the description of an answer to an offer or answer.
    var port: UInt16? {
        guard case .done(let message) = self, case .string(let bytes)? = message["sdp"] else { return nil }
        return RelayDescription.port(in: bytes)
    }
}

/// What `query` and `delete` tell of a side.
///
/// rtpengine counts what it receives; for what it sends newer ones have `stats_out`, and for those of Debian 12 it is
/// what came from the other side and was not dropped. Loss and delays stand in `SSRC`, once a peer has sent reports.
package struct RelayFigures: Hashable, Sendable {
    package var a = StreamStatistics()
    package var b = StreamStatistics()

    package init(_ message: Bencode) {
        let (a, b) = (Stream(message, .a), Stream(message, .b))
        self.a = Self.statistics(a, other: b)
        self.b = Self.statistics(b, other: a)
    }

    package subscript(side: MediaSide) -> StreamStatistics { side == .a ? a : b }

    private struct Stream {
        var received: (packets: UInt64, bytes: UInt64)
        var dropped: UInt64
        var sent: (packets: UInt64, bytes: UInt64)?
        /// What the receivers of its packets report.
        var reports: Bencode?

        init(_ message: Bencode, _ side: MediaSide) {
            let stream = message["tags"]?[side.tag]?["medias"]?[0]?["streams"]?[0]
            let stats = stream?["stats"]
            received = (stats?["packets"]?.count ?? 0, stats?["bytes"]?.count ?? 0)
            dropped = stats?["errors"]?.count ?? 0
            if let out = stream?["stats_out"] {
                sent = (out["packets"]?.count ?? 0, out["bytes"]?.count ?? 0)
            }
            reports = stream?["SSRC"]?.count.flatMap { message["SSRC"]?["\($0)"] }
        }
    }

    private static func statistics(_ own: Stream, other: Stream) -> StreamStatistics {
        var statistics = StreamStatistics()
        statistics.packetsReceived = own.received.packets
        statistics.bytesReceived = own.received.bytes
        statistics.packetsDropped = own.dropped
        let passedOn = other.received.packets - min(other.received.packets, other.dropped)
        statistics.packetsSent = own.sent?.packets ?? passedOn
        statistics.bytesSent = own.sent?.bytes ?? other.received.bytes
        statistics.packetsLost = own.reports?["cumulative loss"]?.count ?? 0
        statistics.packetsExpected = own.received.packets &+ statistics.packetsLost
        // The other stream's receiver is this side: what it reports it says of its own reception.
        if let average = other.reports?["average MOS"] {
            statistics.peerJitterMilliseconds = average["jitter"]?.count.map(Double.init)
            statistics.peerFractionLost = average["packet loss"]?.count.map { min(1, Double($0) / 100) }
            let roundTrip = average["round-trip time leg"] ?? average["round-trip time"]
            statistics.roundTripMilliseconds = roundTrip?.count.map { Double($0) / 1_000 }
        }
        return statistics
    }
}
