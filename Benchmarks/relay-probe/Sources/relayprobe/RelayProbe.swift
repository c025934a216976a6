import CCounters
import Glibc
import Media

/// What a packet costs in the media core, without sockets: time, allocations and reference counting.
///
/// Prints one line `FIGURES media-core FROM-TO key=value ...` for each pair of codecs; times are the least, median and
/// greatest of the rounds. Exit status 1 when a packet allocated, counted a reference or was lost.
@main
enum RelayProbe {
    private static let rounds = 7
    private static let pairs: [(from: AudioCodec, to: AudioCodec, packets: Int)] = [
        (.pcmu, .pcmu, 400_000), (.opus, .opus, 400_000), (.pcmu, .pcma, 50_000), (.pcmu, .opus, 2_000),
        (.opus, .pcmu, 4_000), (.g722, .pcma, 10_000), (.pcma, .g722, 10_000),
    ]

    static func main() throws {
        var times: [Times] = []
        for pair in pairs { times.append(try measureTimes(pair.from, pair.to, packets: pair.packets)) }
        // The counting hooks slow the runtime down, so they come second.
        guard ccounters_install() != 0 else {
            fail("this Swift runtime has no hooks to count retains and releases with")
        }
        guard countersCount() else { fail("the counters do not see what a list of objects costs") }
        var isClean = true
        for (pair, times) in zip(pairs, times) {
            var feed = try Feed(from: pair.from, to: pair.to)
            feed.run(200)
            let sentBefore = feed.sent
            ccounters_start()
            feed.run(pair.packets)
            let counts = ccounters_stop()
            let sent = feed.sent - sentBefore
            print(line(pair.from, pair.to, packets: pair.packets, sent: sent, counts, times))
            let total = counts.allocations + counts.frees + counts.retains + counts.releases
            if total > 0 || sent != UInt64(pair.packets) { isClean = false }
        }
        if !isClean { fail("a packet was lost, or allocated or counted references") }
    }

    private final class Witness {}

    /// Zero is worth something only from counters that can count.
    private static func countersCount() -> Bool {
        let witness = Witness()
        ccounters_start()
        var list: [Witness] = []
        for _ in 0..<100 { list.append(witness) }
        list.removeAll()
        let counts = ccounters_stop()
        return counts.allocations > 0 && counts.frees > 0 && counts.retains >= 100 && counts.releases >= 100
    }

    private static func fail(_ text: String) -> Never {
        let bytes = Array("relayprobe: \(text)\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
        exit(1)
    }

    /// Nanoseconds a packet, one figure a round.
    private struct Times {
        var whole: [Double] = []
        /// The codecs alone, with the same packets, in alternating rounds; empty for a relayed pair.
        var codecs: [Double] = []
    }

    private static func measureTimes(_ from: AudioCodec, _ to: AudioCodec, packets: Int) throws -> Times {
        var feed = try Feed(from: from, to: to)
        var floor = try CodecFloor(from: from, to: to)
        feed.run(200)
        var times = Times()
        for _ in 0..<rounds {
            let start = threadNanoseconds()
            feed.run(packets)
            times.whole.append(Double(threadNanoseconds() - start) / Double(packets))
            guard floor != nil else { continue }
            let bare = threadNanoseconds()
            floor?.run(packets, over: feed.packets)
            times.codecs.append(Double(threadNanoseconds() - bare) / Double(packets))
        }
        return times
    }

    /// `min/median/max`, or a dash.
    private static func spread(_ figures: [Double]) -> String {
        let sorted = figures.sorted()
        guard let least = sorted.first, let greatest = sorted.last else { return "-" }
        return [least, sorted[sorted.count / 2], greatest].map { decimals($0, 0) }.joined(separator: "/")
    }

    /// Processor time of this thread: what others on the machine do does not count.
    private static func threadNanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func line(
        _ from: AudioCodec, _ to: AudioCodec, packets: Int, sent: UInt64, _ counts: ccounters_t, _ times: Times
    ) -> String {
        func perPacket(_ count: UInt64) -> String { decimals(Double(count) / Double(packets), 3) }
        return "FIGURES media-core \(from.rawValue)-\(to.rawValue) packets=\(packets) sent=\(sent)"
            + " ns_per_packet=\(spread(times.whole)) codec_ns_per_packet=\(spread(times.codecs))"
            + " allocations_per_packet=\(perPacket(counts.allocations)) frees_per_packet=\(perPacket(counts.frees))"
            + " retains_per_packet=\(perPacket(counts.retains)) releases_per_packet=\(perPacket(counts.releases))"
    }

    /// Fixed point, because Foundation's formatting is not worth linking for it.
    private static func decimals(_ value: Double, _ places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let scaled = Int((value * Double(scale)).rounded())
        guard places > 0 else { return "\(scaled)" }
        let fraction = "\(scaled % scale)"
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
