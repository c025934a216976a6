import CCounters
import Glibc
import Media
import MediaEngine
import Primitives

/// The media engine alone, with its sockets and threads: what `scripts/bench_media.py` loads when it wants to know what
/// the rest of the appliance does not cost.
///
/// `engineprobe ADDRESS FIRST-LAST SESSIONS [WORKERS]` opens the sessions, prints `opened NUMBER PORT-A PORT-B` for each and
/// `ready`, and then does what its standard input says until that ends, one line each:
///
///     configure NUMBER a|b ADDRESS PORT CODEC PAYLOAD-TYPE     describes one side
///     room NUMBER a|b ROOM                                      that side speaks into a room and hears the others
///     settled                                                   answers `settled` when all before is in force
///     count                                                     begins to count; answers `counting`
///     stop                                                      answers `counts allocations=N frees=N retains=N releases=N`
///
/// At the end it closes everything and prints `ended unsent=N errors=N`.
@main
struct EngineProbe {
    private let engine: MediaEngine
    private let sessions: UInt64

    static func main() throws {
        let arguments = CommandLine.arguments
        let range = arguments.count > 2 ? arguments[2].split(separator: "-").compactMap { UInt16($0) } : []
        guard arguments.count >= 4, let address = IPAddress(arguments[1]), range.count == 2, range[0] <= range[1],
            let sessions = UInt64(arguments[3]), let workers = Int(arguments.count > 4 ? arguments[4] : "1")
        else {
            say("usage: engineprobe ADDRESS FIRST-LAST SESSIONS [WORKERS]")
            exit(64)
        }
        let probe = try EngineProbe(address: address, ports: range[0]...range[1], sessions: sessions, workers: workers)
        probe.open()
        while let line = readLine() { probe.obey(line.split(separator: " ").map { String($0) }) }
        probe.end()
    }

    private init(address: IPAddress, ports: ClosedRange<UInt16>, sessions: UInt64, workers: Int) throws {
        self.sessions = sessions
        engine = try MediaEngine(
            address: address, ports: ports, sessionsLimit: Int(sessions), share: 1_000, workers: workers,
            entropy: Entropy(SeededGenerator(seed: 1))
        ) { event in
            // Reports, which come while packets are counted, are dropped without a word.
            switch event {
            case .opened(let id, let portA, let portB):
                say("opened \(id.value) \(portA) \(portB)")
            case .failed(let id, let failure): say("failed \(id.value) \(failure)")
            default: break
            }
        }
    }

    private func open() {
        // A mailbox holds so many commands at once; the sleep is for this program's own start.
        for id in 0..<sessions {
            if id % 500 == 499 { usleep(200_000) }
            engine.submit(.open(MediaSessionID(id)))
        }
        usleep(300_000)
        let costs = engine.costs
        say(
            "costs packet_us=\(microseconds(costs.packet)) protected_us=\(microseconds(costs.protectedPacket))"
                + " opus_encode_us=\(microseconds(costs.encode.opus)) opus_decode_us=\(microseconds(costs.decode.opus))"
                + " g722_us=\(microseconds(costs.encode.g722 + costs.decode.g722))"
                + " g711_us=\(microseconds(costs.encode.g711 + costs.decode.g711))")
        say("ready")
    }

    private func obey(_ words: [String]) {
        switch words.first {
        case "configure": if words.count == 7 { configure(words) }
        case "room":
            guard words.count == 4, let id = UInt64(words[1]), let room = UInt64(words[3]) else {
                return say("unknown \(words)")
            }
            let side: MediaSide = words[2] == "a" ? .a : .b
            engine.submit(.hear(MediaSessionID(id), side, .room(RoomID(room), RoomParticipation())))
        case "settled":
            usleep(300_000)
            say("settled")
        case "count":
            _ = ccounters_install()
            say("counting")
            ccounters_start()
        case "stop":
            let counts = ccounters_stop()
            say(
                "counts allocations=\(counts.allocations) frees=\(counts.frees) retains=\(counts.retains)"
                    + " releases=\(counts.releases)")
        default: say("unknown \(words)")
        }
    }

    private func configure(_ words: [String]) {
        guard let id = UInt64(words[1]), let address = IPAddress(words[3]), let port = UInt16(words[4]),
            let codec = AudioCodec.allCases.first(where: { $0.rawValue.lowercased() == words[5] }),
            let payloadType = UInt8(words[6])
        else { return say("unknown \(words)") }
        var description = MediaStreamDescription(
            remote: Endpoint(address: address, port: port), codec: codec, payloadType: payloadType)
        // As the generator asks by SIP, and as its peers are asked.
        description.opus = OpusParameters(fmtp: "useinbandfec=0;maxaveragebitrate=24000")
        engine.submit(.configure(MediaSessionID(id), words[2] == "a" ? .a : .b, description))
    }

    private func end() {
        engine.shutdown()
        let counters = engine.counters
        say("ended unsent=\(counters.unsent) errors=\(counters.socketErrors)")
    }
}

private func microseconds(_ duration: Duration) -> Int64 { duration.wholeNanoseconds / 1_000 }

private func say(_ text: String) {
    let bytes = Array("\(text)\n".utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}
