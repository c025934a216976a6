import ApplianceCore
import CloudMessages
import Media
import OpenSSLCrypto
import Persistence
import Primitives
import SIPMessage
import SIPTransaction
import Settings
import Testing

/// A `Telephony` in virtual time with telephones around it: messages arrive at once, timers fire when time is advanced.
final class World {
    static let realm = "pbx.example"
    static let wallStart = UnixTime(seconds: 1_800_000_000)
    static let servers: [SIPFlow.Transport: Endpoint] = [
        .udp: Endpoint(address: .v4(0x0A00_0001), port: 5060), .tcp: Endpoint(address: .v4(0x0A00_0001), port: 5060),
        .tls: Endpoint(address: .v4(0x0A00_0001), port: 5061),
    ]

    var telephony: Telephony
    var entropy: Entropy
    var now = Instant.origin
    private(set) var phones: [Phone] = []
    /// Everything that came out, in order.
    private(set) var trace: [Telephony.Output] = []
    /// Media workers that answer at once; false: the test answers.
    var opensMedia = true
    var closesMedia = true
    var statistics = StreamStatistics()
    private var inputs: [Telephony.Input] = []

    init(
        _ settings: ApplianceSettings = World.settings(), bindings: [String: [BindingRecord]] = [:],
        selfTest: SelfTestAccount? = nil, limits: Limits = Limits()
    ) {
        telephony = Telephony(
            settings: settings, bindings: bindings, lastCallDataID: 41, hashes: OpenSSLHashes(),
            nonceKey: [UInt8](repeating: 7, count: 32), selfTest: selfTest, limits: limits, at: .origin,
            wall: World.wallStart)
        entropy = Entropy(SeededGenerator(seed: 1))
        feed(.listening([SIPFlow.Transport.udp, .tcp, .tls].map { ListenerAddress($0, World.servers[$0]!) }))
    }

    static func settings(protected: Bool = false) -> ApplianceSettings {
        var settings = ApplianceSettings()
        settings.sip.realm = realm
        settings.sip.protectionEnabled = protected
        settings.media.address = .v4(0x0A00_0001)
        settings.features.echo = "600"
        settings.users = [("100", "Ada"), ("101", "Bob"), ("102", "Cleo")].map {
            UserSettings(extension: $0.0, name: $0.1, password: Secret("secret\($0.0)"))
        }
        settings.groups = [
            GroupSettings(extension: "610", name: "Sales", strategy: .all, members: ["100", "101", "102"])
        ]
        return settings
    }

    var wall: UnixTime { World.wallStart + (now - .origin) }

    func add(_ phone: Phone) { phones.append(phone) }

    /// Handles one input and what follows from it at once.
    func feed(_ input: Telephony.Input) {
        inputs.append(input)
        while !inputs.isEmpty {
            let input = inputs.removeFirst()
            let outputs = telephony.handle(input, at: now, wall: wall, entropy: &entropy)
            trace += outputs
            for output in outputs { carryOut(output) }
        }
    }

    private func carryOut(_ output: Telephony.Output) {
        switch output {
        case .transmit(let bytes, let flow):
            guard let message = try? SIPParser.parse(bytes, framing: flow.connection == nil ? .datagram : .stream)
            else {
                Issue.record("telephony sent what cannot be parsed: \(String(decoding: bytes, as: UTF8.self))")
                return
            }
            phones.first { $0.isReached(by: flow) }?.inbox.append(message)
        case .media(.open(let id)) where opensMedia,
            .media(.openForHelp(let id)) where opensMedia:
            let port = UInt16(20_000 + 4 * (id.value % 1000))
            inputs.append(.media(.opened(id, portA: port, portB: port + 2)))
        case .media(.close(let id)) where closesMedia:
            inputs.append(.media(.closed(id, a: statistics, b: statistics)))
        case .media, .close, .resolve, .callRecord, .bindings, .count, .log, .adminReply, .drained, .features, .night,
            .messages:
            break
        }
    }

    /// Lets time pass; every deadline on the way is served when it is due.
    func advance(by duration: Duration) {
        let end = now + duration
        while let due = telephony.nextDeadline, due <= end {
            now = max(now, due)
            feed(.deadline)
        }
        now = end
    }

    /// Lets every timer run out and checks that nothing is left of transactions, calls and media sessions.
    func expectEverythingEnded(_ location: SourceLocation = #_sourceLocation) {
        for _ in 0..<200 where !telephony.isIdle {
            guard telephony.nextDeadline != nil else { break }
            advance(by: .seconds(10))
        }
        #expect(telephony.isIdle, "transactions or calls are left", sourceLocation: location)
        #expect(telephony.callCount == 0, sourceLocation: location)
        let opened = mediaCommands.filter {
            switch $0 {
            case .open, .openForHelp: true
            default: false
            }
        }.count
        let closed = mediaCommands.filter { if case .close = $0 { true } else { false } }.count
        #expect(opened - closed == failedOpens, "a media session is left", sourceLocation: location)
    }
    /// Media sessions that the test let fail.
    var failedOpens = 0

    // MARK: What came out

    var mediaCommands: [MediaCommand] {
        trace.compactMap { if case .media(let command) = $0 { command } else { nil } }
    }
    var records: [CallRecord] {
        trace.compactMap { if case .callRecord(let record) = $0 { record } else { nil } }
    }
    func count(_ name: String) -> Int { trace.filter { $0 == .count(name) }.count }
    var storedBindings: [(String, [BindingRecord])] {
        trace.compactMap { if case .bindings(let aor, let records) = $0 { (aor, records) } else { nil } }
    }

    /// What a side was configured to last.
    func stream(_ side: MediaSide) -> MediaStreamDescription? {
        mediaCommands.compactMap {
            if case .configure(_, side, let stream) = $0 { stream } else { nil }
        }.last
    }
}
