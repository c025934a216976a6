/// The one source of randomness a core is given: branches, tags, nonces, passwords and back-off jitter come from it.
///
/// On an appliance it wraps the operating system's generator, in the simulator a `SeededGenerator`.
package struct Entropy: RandomNumberGenerator, Sendable {
    private var generator: any RandomNumberGenerator & Sendable

    package init(_ generator: some RandomNumberGenerator & Sendable) {
        self.generator = generator
    }

    package mutating func next() -> UInt64 { generator.next() }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count + 7)
        while result.count < count {
            let word = next()
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                result.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        result.removeLast(result.count - count)
        return result
    }

    /// `count` random bytes as `2 * count` lower-case hexadecimal digits: a tag, branch or Call-ID.
    package mutating func hexToken(bytes count: Int) -> String { Hex.encode(bytes(count)) }

    /// A duration in `0 ..< limit` ("full jitter"); zero when `limit` is not positive.
    package mutating func jitter(upTo limit: Duration) -> Duration {
        let nanoseconds = limit.wholeNanoseconds
        return nanoseconds > 0 ? .nanoseconds(Int64(next() % UInt64(nanoseconds))) : .zero
    }
}

/// xoshiro256** seeded by SplitMix64 (Blackman and Vigna, public domain): fast, repeatable, not for secrets.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    package init(seed: UInt64) {
        var mixer = seed
        func mixed() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var z = mixer
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        state = (mixed(), mixed(), mixed(), mixed())
    }

    package mutating func next() -> UInt64 {
        let result = rotated(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, by: 45)
        return result
    }

    private func rotated(_ value: UInt64, by count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
}
