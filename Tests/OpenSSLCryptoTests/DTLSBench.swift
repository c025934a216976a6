import CTestClock
import OpenSSLCrypto
import Primitives
import RTP

/// Two ends of DTLS on a virtual network: time, loss, order and doubles by seed.
final class DTLSBench {
    struct Network {
        /// Of a hundred datagrams.
        var loss = 0
        var doubles = 0
        /// How much later than another one a datagram may come.
        var jitter = Duration.zero
        /// Which datagrams of an end never arrive, counted from 0.
        var lost: [Set<Int>] = [[], []]
    }
    private struct Flight {
        var due: Instant
        var to: Int
        var bytes: [UInt8]
    }

    var now = Instant.origin + .seconds(1_000)
    let ends: [any KeyAgreement]
    var network = Network()
    /// Everything but datagrams, by end.
    private(set) var outcomes: [[KeyAgreementEffect]] = [[], []]
    /// Every datagram, by sender.
    private(set) var sent: [[[UInt8]]] = [[], []]
    private var flights: [Flight] = []
    private var random: SeededGenerator

    init(_ ends: [any KeyAgreement], seed: UInt64 = 1) {
        self.ends = ends
        random = SeededGenerator(seed: seed)
    }

    /// Ends that know each other's certificates.
    convenience init(
        _ first: DTLSIdentity, _ second: DTLSIdentity, roles: (DTLSRole, DTLSRole) = (.client, .server),
        seed: UInt64 = 1
    ) throws {
        let parameters = [
            KeyAgreementParameters(role: roles.0, peerFingerprints: [second.fingerprint]),
            KeyAgreementParameters(role: roles.1, peerFingerprints: [first.fingerprint]),
        ]
        let start = Instant.origin + .seconds(1_000)
        self.init(
            [
                try first.makeAgreement(parameters[0], at: start), try second.makeAgreement(parameters[1], at: start),
            ], seed: seed)
    }

    func start() {
        for index in ends.indices { put(.start, to: index) }
    }

    /// The same, and `disturb` at once and six times in the handshake's course.
    func start(disturbedBy disturb: () -> Void, every step: Duration) {
        start()
        disturb()
        for _ in 0..<6 {
            run(step)
            disturb()
        }
    }

    /// An input at `now`, with libssl's clock in step.
    func put(_ input: KeyAgreementInput, to index: Int) {
        testclock_set(1_780_272_000_000_000 + now.nanoseconds / 1_000)
        defer { testclock_set(-1) }
        for effect in ends[index].handle(input, at: now) {
            guard case .transmit(let bytes) = effect else {
                outcomes[index].append(effect)
                continue
            }
            send(bytes, from: index)
        }
    }

    private func send(_ bytes: [UInt8], from index: Int) {
        let number = sent[index].count
        sent[index].append(bytes)
        guard !network.lost[index].contains(number), Int(random.next() % 100) >= network.loss else { return }
        let copies = Int(random.next() % 100) < network.doubles ? 2 : 1
        for _ in 0..<copies {
            let jitter = UInt64(max(1, network.jitter.wholeNanoseconds))
            let delay = Duration.milliseconds(5) + .nanoseconds(Int64(random.next() % jitter))
            let flight = Flight(due: now + delay, to: 1 - index, bytes: bytes)
            let place = flights.firstIndex { $0.due > flight.due } ?? flights.endIndex
            flights.insert(flight, at: place)
        }
    }

    /// Runs what is due until nothing is, or `duration` has passed.
    func run(_ duration: Duration = .seconds(200)) {
        let end = now + duration
        while true {
            let deadlines = ends.compactMap(\.nextDeadline)
            guard let next = (deadlines + flights.prefix(1).map(\.due)).min() else { break }
            guard next <= end else {
                now = end
                break
            }
            now = max(now, next)
            if let flight = flights.first, flight.due <= now {
                flights.removeFirst()
                put(.datagram(flight.bytes), to: flight.to)
                continue
            }
            for index in ends.indices where ends[index].nextDeadline.map({ $0 <= now }) == true {
                put(.deadline, to: index)
            }
        }
    }

    /// The keys that an end has come to.
    func keys(_ index: Int) -> (send: SRTPMasterKey, receive: SRTPMasterKey)? {
        for case .agreed(let send, let receive) in outcomes[index] { return (send, receive) }
        return nil
    }
}
