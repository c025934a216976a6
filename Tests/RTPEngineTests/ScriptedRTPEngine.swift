import Media
import Primitives
import RTPEngine
import SDP

/// rtpengine as far as a test needs it, in virtual time: it hands out ports, remembers what it was told, and does what
/// the script says instead.
struct ScriptedRTPEngine {
    struct Request {
        let cookie: String
        let message: Bencode
        var command: String { message["command"]?.text ?? "" }
        var call: String { message["call-id"]?.text ?? "" }
        var from: String { message["from-tag"]?.text ?? "" }
        var flags: [String] {
            guard case .list(let flags)? = message["flags"] else { return [] }
            return flags.compactMap(\.text)
        }
        var sdp: SessionDescription? {
            guard case .string(let bytes)? = message["sdp"] else { return nil }
            return try? SessionDescription.parse(bytes)
        }
    }
    private(set) var requests: [Request] = []
    /// Answers to commands, in place of its own.
    var answers: [String: String] = [:]
    var isDead = false
    private var ports: [String: UInt16] = [:]
    private var nextPort: UInt16 = 30_000
    /// Packets received from a and b, told by `query` and `delete`.
    var packets = (a: 0, b: 0)

    mutating func forget() {
        ports = [:]
        nextPort += 100
    }

    mutating func receive(_ datagram: [UInt8]) -> [UInt8]? {
        guard !isDead, let space = datagram.firstIndex(of: 0x20),
            let message = try? BencodeReader.read(datagram, from: space + 1)
        else { return nil }
        let cookie = String(decoding: datagram[..<space], as: UTF8.self)
        let request = Request(cookie: cookie, message: message)
        requests.append(request)
        let answer = answers[request.command] ?? self.answer(request)
        return Array("\(cookie) \(answer)".utf8)
    }

    private mutating func answer(_ request: Request) -> String {
        switch request.command {
        case "ping": return "d6:result4:ponge"
        case "offer": return description(request.call, request.from == "a" ? "b" : "a")
        case "answer" where !isKnown(request.call): return Self.error(RelayNames.unknownCall)
        case "answer": return description(request.call, request.from)
        case "query", "delete":
            guard isKnown(request.call) else {
                return request.command == "query"
                    ? Self.error(RelayNames.unknownCall) : "d6:result2:ok7:warning4:nonee"
            }
            let tags = "1:a\(Self.tag(packets.a))1:b\(Self.tag(packets.b))"
            return "d6:result2:ok4:tagsd\(tags)ee"
        default: return isKnown(request.call) ? "d6:result2:oke" : Self.error(RelayNames.unknownCall)
        }
    }

    private func isKnown(_ call: String) -> Bool { ports["\(call)/a"] != nil || ports["\(call)/b"] != nil }

    private mutating func description(_ call: String, _ tag: String) -> String {
        let port = ports["\(call)/\(tag)"] ?? nextPort
        if ports["\(call)/\(tag)"] == nil { nextPort += 2 }
        ports["\(call)/\(tag)"] = port
        let sdp =
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
        return "d6:result2:ok3:sdp\(sdp.utf8.count):\(sdp)e"
    }

    static func error(_ reason: String) -> String {
        "d12:error-reason\(reason.utf8.count):\(reason)6:result5:errore"
    }

    private static func tag(_ packets: Int) -> String {
        "d6:mediasld7:streamsld5:statsd5:bytesi\(packets * 172)e6:errorsi1e7:packetsi\(packets)eeeeeee"
    }
}

enum RelayNames {
    static let unknownCall = "Unknown call-id"
}

/// A controller with its scripted peer. Datagrams arrive at once, unless the peer is dead.
struct RelayPair {
    var peer = ScriptedRTPEngine()
    var controller: RelayController
    var now = Instant.origin + .seconds(100)
    var events: [MediaEvent] = []
    var healths: [RelayHealth] = []
    /// Datagrams that went to the peer.
    var transmitted = 0

    init(sessionsLimit: Int = 10, isV4: Bool = true, mayCarryKeys: Bool = true) {
        var options = RelayController.Options(sessionsLimit: sessionsLimit)
        options.isV4 = isV4
        options.mayCarryKeys = mayCarryKeys
        var entropy = Entropy(SeededGenerator(seed: 5))
        controller = RelayController(options, entropy: &entropy, at: now)
    }

    mutating func handle(_ input: RelayController.Input) {
        var inputs = [input]
        while !inputs.isEmpty {
            for effect in controller.handle(inputs.removeFirst(), at: now) {
                switch effect {
                case .transmit(let bytes):
                    transmitted += 1
                    if let answer = peer.receive(bytes) { inputs.append(.datagram(answer)) }
                case .event(let event): events.append(event)
                case .health(let health): healths.append(health)
                }
            }
        }
    }

    mutating func submit(_ command: MediaCommand) { handle(.command(command)) }

    /// Lets time pass, deadline by deadline.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        while controller.nextDeadline <= end {
            now = max(now, controller.nextDeadline)
            handle(.deadline)
        }
        now = end
    }

    mutating func takeEvents() -> [MediaEvent] {
        defer { events = [] }
        return events
    }

    /// Commands that the peer got, without pings.
    var commands: [String] { peer.requests.map(\.command).filter { $0 != "ping" } }
}
