package import SIPMessage

/// Which provisional responses to our INVITE are to be acknowledged with PRACK, as UAC (RFC 3262 section 4).
///
/// ```text
///  per To tag:   none ──RSeq n──► n ──RSeq n+1──► n+1 …      RSeq ≤ last: repeated; RSeq > last + 1: out of order
/// ```
///
/// Each fork counts by itself. What is not in order is neither acknowledged nor processed: the UAS sends it again.
package struct ProvisionalAcknowledgements: Sendable {
    package enum Verdict: Equatable, Sendable {
        /// Not a reliable provisional response: process it.
        case unreliable
        /// Process it, and send PRACK in its dialog with this RAck.
        case acknowledge(RAck)
        /// A repetition: its PRACK is under way in a transaction of its own. Discard.
        case repeated
        /// One before it is missing, or RSeq cannot be read, or too many forks answer. Discard.
        case outOfOrder
    }
    /// How many forks are followed.
    package static let forkLimit = 16

    private var last: [(tag: String, number: UInt32)] = []

    package init() {}

    /// Judges a response to the INVITE.
    package mutating func receive(_ response: SIPResponse) -> Verdict {
        guard (101..<200).contains(response.status),
            response.required().contains("100rel")
        else { return .unreliable }
        guard let number = try? response.rseq(), number > 0, let cseq = try? response.cseq(),
            let tag = (try? response.to())?.tag
        else { return .outOfOrder }
        if let index = last.firstIndex(where: { $0.tag == tag }) {
            guard number > last[index].number else { return .repeated }
            guard number == last[index].number + 1 else { return .outOfOrder }
            last[index].number = number
        } else {
            guard last.count < Self.forkLimit else { return .outOfOrder }
            last.append((tag, number))
        }
        return .acknowledge(RAck(rseq: number, number: cseq.number, method: cseq.method))
    }
}
