import Primitives

/// The requests under way: repeated until answered, each under a cookie of its own. rtpengine answers a repeated cookie
/// with its first answer, so that nothing is done twice.
struct RelayTransactions: Sendable {
    /// The first interval; it doubles with each repetition.
    static let interval = Duration.milliseconds(200)
    /// How often a request is sent: the last answer is awaited for 3 seconds in all.
    static let attempts = 4
    /// Requests under way at a time. More wait in their sessions.
    static let window = 64

    /// What a request is for.
    enum Purpose: Hashable, Sendable {
        case ping
        case session(UInt64, RelayRequest)
        /// Nobody waits for the answer.
        case clearing(String)
    }
    private struct Transaction: Sendable {
        let number: UInt64
        let purpose: Purpose
        let datagram: [UInt8]
        let begun: Instant
        var sent = 1
        var interval = RelayTransactions.interval
        var due: Instant
    }
    private let prefix: String
    private var count: UInt64 = 0
    private var underWay: [Transaction] = []

    /// - Parameter prefix: of the cookies; no other controller has it.
    init(prefix: String) { self.prefix = prefix }

    var hasRoom: Bool { underWay.count < Self.window }
    var isPinging: Bool { underWay.contains { $0.purpose == .ping } }
    var nextDeadline: Instant? { underWay.map(\.due).min() }

    /// The datagram to send.
    mutating func begin(_ request: RelayRequest, _ purpose: Purpose, at now: Instant) -> [UInt8] {
        count += 1
        let datagram = Array("\(prefix)_\(count) ".utf8) + request.message.bytes
        underWay.append(
            Transaction(
                number: count, purpose: purpose, datagram: datagram, begun: now, due: now + Self.interval))
        return datagram
    }

    /// What a datagram answers; nil for one that answers nothing under way, or is no answer.
    mutating func take(_ datagram: [UInt8]) -> (Purpose, RelayAnswer)? {
        let head = Array("\(prefix)_".utf8)
        guard datagram.starts(with: head), let space = datagram[head.count...].firstIndex(of: 0x20),
            let number = UInt64(String(decoding: datagram[head.count..<space], as: UTF8.self)),
            let index = underWay.firstIndex(where: { $0.number == number }),
            let message = try? BencodeReader.read(datagram, from: space + 1), let answer = RelayAnswer(message)
        else { return nil }
        return (underWay.remove(at: index).purpose, answer)
    }

    /// What is to be sent again, and what has waited in vain since when.
    mutating func expire(at now: Instant) -> (again: [[UInt8]], lost: [(purpose: Purpose, begun: Instant)]) {
        var again: [[UInt8]] = []
        var lost: [(purpose: Purpose, begun: Instant)] = []
        var kept: [Transaction] = []
        for var transaction in underWay {
            if transaction.due > now {
                kept.append(transaction)
            } else if transaction.sent >= Self.attempts {
                lost.append((transaction.purpose, transaction.begun))
            } else {
                transaction.sent += 1
                transaction.interval = transaction.interval * 2
                transaction.due = now + transaction.interval
                again.append(transaction.datagram)
                kept.append(transaction)
            }
        }
        underWay = kept
        return (again, lost)
    }

    mutating func removeAll() { underWay = [] }
}
