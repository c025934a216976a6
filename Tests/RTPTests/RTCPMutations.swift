import Primitives
import RTP

/// What the network, or somebody, may have made of a compound.
enum RTCPMutations {
    /// Hands 20000 mutations of `valid` to a session: up to three bytes changed, half of them cut short. How many it took.
    static func accepted(of valid: [UInt8], seed: UInt64) -> Int {
        var generator = SeededGenerator(seed: seed)
        var entropy = Entropy(SeededGenerator(seed: 1))
        var session = RTCPSession(entropy: &entropy)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator)) }
            withBytes(bytes) { datagram in
                guard (try? session.receive(datagram, localSSRC: 9, at: .origin)) != nil else { return }
                accepted += 1
            }
        }
        return accepted
    }
}
