/// Sub-band ADPCM of ITU-T G.722 at 64 kbit/s (mode 1): 16 kHz samples, one byte for every two of them.
///
/// A quadrature mirror filter splits the band at 4 kHz; the lower half is coded with 6 bits, the upper with 2. All
/// arithmetic is the Recommendation's own, in 16 bits with saturation, so that coder and decoder agree to the bit with
/// every other implementation.
package enum G722 {
    /// Samples per second. The RTP clock is another matter: 8000, by an old mistake (RFC 3551 section 4.5.2).
    package static let sampleRate = 16_000

    /// The coder. A value: a copy goes on by itself.
    package struct Encoder: Sendable {
        private var low = G722LowBand()
        private var high = G722HighBand()
        private var mirror = G722Mirror()

        /// In the state of reset.
        package init() {}

        /// Codes `pcm`, an even number of samples, into half as many bytes; returns their number, nil when the samples
        /// are odd or none, or `codes` has no room.
        package mutating func encode(
            _ pcm: UnsafeBufferPointer<Int16>, into codes: UnsafeMutableRawBufferPointer
        ) -> Int? {
            let count = pcm.count / 2
            guard count > 0, pcm.count.isMultiple(of: 2), count <= codes.count else { return nil }
            var done = 0
            while done < count {
                let block = min(G722Mirror.pairsAtMost, count - done)
                mirror.load(UnsafeBufferPointer(rebasing: pcm[2 * done..<2 * (done + block)]))
                for pair in 0..<block {
                    let (even, odd) = mirror.sums(at: pair)
                    codes[done + pair] = encode(
                        low: G722Arithmetic.limited((even &+ odd) &>> 14),
                        high: G722Arithmetic.limited((odd &- even) &>> 14))
                }
                mirror.advance(by: block)
                done += block
            }
            return count
        }

        /// Goes on from the state that a decoder of these codes, coded elsewhere, is in: both sides adapt alike.
        package mutating func follow(_ codes: UnsafeRawBufferPointer) {
            for code in codes {
                _ = low.decode(Int32(code & 0x3F))
                _ = high.decode(Int32(code >> 6))
            }
        }

        /// Codes one sample of each sub-band, -16384...16383: what lies behind the mirror filter, where the
        /// Recommendation's test sequences are applied (Appendix II).
        package mutating func encode(low: Int32, high: Int32) -> UInt8 {
            UInt8(truncatingIfNeeded: self.high.encode(high) << 6 | self.low.encode(low))
        }
    }

    /// The decoder. A value: a copy goes on by itself.
    package struct Decoder: Sendable {
        private var low = G722LowBand()
        private var high = G722HighBand()
        private var mirror = G722Mirror()

        /// In the state of reset.
        package init() {}

        /// Decodes every byte to two samples; returns their number, nil when there is no byte or `pcm` has no room.
        package mutating func decode(
            _ codes: UnsafeRawBufferPointer, into pcm: UnsafeMutableBufferPointer<Int16>
        ) -> Int? {
            guard codes.count > 0, codes.count <= pcm.count / 2 else { return nil }
            var done = 0
            while done < codes.count {
                let block = min(G722Mirror.pairsAtMost, codes.count - done)
                for pair in 0..<block {
                    let (low, high) = decode(codes[done + pair])
                    mirror.load(low + high, low - high, at: pair)
                }
                for pair in 0..<block {
                    let (even, odd) = mirror.sums(at: pair)
                    pcm[2 * (done + pair)] = Int16(truncatingIfNeeded: G722Arithmetic.saturated(odd &>> 11))
                    pcm[2 * (done + pair) + 1] = Int16(truncatingIfNeeded: G722Arithmetic.saturated(even &>> 11))
                }
                mirror.advance(by: block)
                done += block
            }
            return 2 * codes.count
        }

        /// Decodes a byte to one sample of each sub-band, -16384...16383: what goes into the mirror filter.
        package mutating func decode(_ code: UInt8) -> (low: Int32, high: Int32) {
            (low.decode(Int32(code & 0x3F)), high.decode(Int32(code >> 6)))
        }
    }
}

/// What 16-bit arithmetic does at its ends.
enum G722Arithmetic {
    @inline(__always) static func saturated(_ value: Int32) -> Int32 { clamped(value, -32_768, 32_767) }

    /// The range of a sub-band's samples.
    @inline(__always) static func limited(_ value: Int32) -> Int32 { clamped(value, -16_384, 16_383) }

    /// The product of two fractions with 15 bits behind the point, rounded down.
    @inline(__always) static func product(_ left: Int32, _ right: Int32) -> Int32 { (left &* right) &>> 15 }

    @inline(__always) static func clamped(_ value: Int32, _ least: Int32, _ most: Int32) -> Int32 {
        value < least ? least : value > most ? most : value
    }
}
