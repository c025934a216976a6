import CTestClock
import Media
import OpenSSLCrypto
import OpusCodec
import Primitives
import RTP
import Testing

/// Two appliances whose sessions agree on keys by DTLS on their sides a, each with a plain telephone on side b: on a
/// virtual network, in virtual time.
struct DTLSPair {
    struct Datagram {
        var due: Instant
        /// The session that gets it; nil: its telephone.
        var to: Int
        var isPhone: Bool
        var bytes: [UInt8]
    }
    static let testTime = UnixTime(seconds: 1_780_272_000)
    static let address = [Endpoint("192.0.2.1:4000")!, Endpoint("192.0.2.2:4000")!]
    static let phone = [Endpoint("198.51.100.1:5000")!, Endpoint("198.51.100.2:5000")!]

    let identities: [DTLSIdentity]
    var entropy = Entropy(SeededGenerator(seed: 3))
    var sessions: [MediaSession] = []
    var now = Instant.origin + .seconds(1_000)
    /// Where session 0's packets come from at session 1, when an address translator is between them.
    var translated: Endpoint?
    /// What went between the sessions, by sender.
    var wire: [[[UInt8]]] = [[], []]
    /// What the telephones got.
    var heard: [[[UInt8]]] = [[], []]
    var failures: [[KeyAgreementFailure]] = [[], []]
    /// Where session 1 sent last.
    var lastDestination: Endpoint?
    private var datagrams: [Datagram] = []

    init() throws {
        identities = [try DTLSIdentity(at: Self.testTime), try DTLSIdentity(at: Self.testTime)]
        for index in 0...1 {
            sessions.append(
                MediaSession(
                    id: MediaSessionID(UInt64(index)), codecs: LibraryCodecs(), protection: OpenSSLPacketProtection(),
                    keying: identities[index], entropy: &entropy, at: now))
            let phone = MediaStreamDescription(remote: Self.phone[index], codec: .pcmu, payloadType: 0)
            try sessions[index].configure(.b, phone, entropy: &entropy, at: now)
        }
    }

    func parameters(_ index: Int, fingerprint: CertificateFingerprint? = nil) -> KeyAgreementParameters {
        KeyAgreementParameters(
            role: index == 0 ? .client : .server,
            peerFingerprints: [fingerprint ?? identities[1 - index].fingerprint])
    }

    mutating func configure(
        _ index: Int, fingerprint: CertificateFingerprint? = nil, remote: Endpoint? = nil, isPlain: Bool = false,
        party: Int? = nil
    ) throws {
        var description = MediaStreamDescription(
            remote: remote ?? Self.address[1 - index], codec: .pcmu, payloadType: 0,
            keyAgreement: isPlain ? nil : parameters(index, fingerprint: fingerprint))
        description.party = party
        try sessions[index].configure(.a, description, entropy: &entropy, at: now)
    }

    /// A datagram arrives now.
    mutating func receive(_ bytes: [UInt8], at index: Int, _ side: MediaSide, from source: Endpoint) {
        var batch = PacketBatch()
        testclock_set(1_780_272_000_000_000 + now.nanoseconds / 1_000)
        bytes.withUnsafeBytes { datagram in
            sessions[index].receiveRTP(datagram, from: source, on: side, at: now, output: &batch)
        }
        flush(batch, of: index)
    }

    private mutating func flush(_ batch: borrowing PacketBatch, of index: Int) {
        testclock_set(-1)
        for (entry, bytes) in batch.datagrams() {
            #expect(!entry.isRTCP || entry.side == .b)
            guard entry.side == .a else {
                if !entry.isRTCP { heard[index].append(bytes) }
                continue
            }
            if index == 1 { lastDestination = entry.destination }
            wire[index].append(bytes)
            datagrams.append(
                Datagram(due: now + .milliseconds(5), to: 1 - index, isPhone: false, bytes: bytes))
        }
        while let failure = sessions[index].takeFailure() { failures[index].append(failure.failure) }
    }

    mutating func run(_ duration: Duration = .milliseconds(200)) {
        let end = now + duration
        while true {
            let deadlines = sessions.compactMap(\.nextDeadline)
            guard let next = (deadlines + datagrams.map(\.due)).min(), next <= end else { break }
            now = max(now, next)
            if let place = datagrams.firstIndex(where: { $0.due <= now }) {
                let datagram = datagrams.remove(at: place)
                let source = datagram.to == 1 ? translated ?? Self.address[0] : Self.address[1]
                receive(datagram.bytes, at: datagram.to, .a, from: source)
                continue
            }
            for index in 0...1 where sessions[index].nextDeadline.map({ $0 <= now }) == true {
                var batch = PacketBatch()
                testclock_set(1_780_272_000_000_000 + now.nanoseconds / 1_000)
                _ = sessions[index].handleDeadline(at: now, output: &batch)
                _ = sessions[index].takeEvents(at: now)
                flush(batch, of: index)
            }
        }
        now = end
    }

    mutating func close(_ index: Int) {
        var batch = PacketBatch()
        sessions[index].close(at: now, output: &batch)
        flush(batch, of: index)
    }

    /// A new session in the place of one that was closed.
    mutating func renew(_ index: Int) throws {
        sessions[index] = MediaSession(
            id: MediaSessionID(9), codecs: LibraryCodecs(), protection: OpenSSLPacketProtection(),
            keying: identities[index], entropy: &entropy, at: now)
        let phone = MediaStreamDescription(remote: Self.phone[index], codec: .pcmu, payloadType: 0)
        try sessions[index].configure(.b, phone, entropy: &entropy, at: now)
    }

    /// The telephone of a session speaks for 20 ms.
    mutating func speak(_ index: Int, _ number: Int, _ payload: [UInt8]) {
        receive(EngineHarness.packet(payload, index: number), at: index, .b, from: Self.phone[index])
        run(.milliseconds(20))
    }

    func kinds(_ index: Int) -> [DatagramKind] { wire[index].map { $0.withUnsafeBytes { DatagramKind($0) } } }
}
