package import Primitives

/// How a simulated link treats datagrams. Probabilities are in thousandths.
package struct NetworkConditions: Sendable, Equatable {
    package var lossPerMille: UInt64
    package var duplicatePerMille: UInt64
    /// Every packet takes at least this long.
    package var delay: Duration
    /// Added at random, so that packets overtake each other.
    package var jitter: Duration

    package init(lossPerMille: UInt64, duplicatePerMille: UInt64, delay: Duration, jitter: Duration) {
        self.lossPerMille = lossPerMille
        self.duplicatePerMille = duplicatePerMille
        self.delay = delay
        self.jitter = jitter
    }

    package static let perfect = NetworkConditions(
        lossPerMille: 0, duplicatePerMille: 0, delay: .milliseconds(1), jitter: .zero)

    /// Anything from a quiet LAN to a bad mobile link, drawn from the seed.
    package init(drawnFrom entropy: inout Entropy) {
        lossPerMille = entropy.next() % 4 == 0 ? entropy.next() % 50 : entropy.next() % 5
        duplicatePerMille = entropy.next() % 20
        delay = .microseconds(Int64(200 + entropy.next() % 20_000))
        jitter = .microseconds(Int64(entropy.next() % 8_000))
    }

    /// The delays after which copies of one datagram arrive; empty when it is lost.
    func arrivals(_ entropy: inout Entropy) -> [Duration] {
        guard entropy.next() % 1000 >= lossPerMille else { return [] }
        let first = delay + entropy.jitter(upTo: jitter)
        return entropy.next() % 1000 < duplicatePerMille
            ? [first, first + entropy.jitter(upTo: jitter + .milliseconds(1))] : [first]
    }
}
