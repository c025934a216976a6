/// Companding of ITU-T G.711: 8-bit codes for 16-bit linear samples (left-justified 14 bits for mu-law, 13 for A-law).
///
/// Computed rather than looked up: a handful of instructions, exact for every input. Negative samples are folded by
/// one's complement, as ITU-T G.191's reference does, so that -1 lies in the same interval of its half as 0 does.
package enum G711 {
    /// Mu-law, table 2a.
    package static func encodeMuLaw(_ sample: Int16) -> UInt8 {
        let folded = Int32(sample < 0 ? ~sample : sample) >> 2
        let biased = UInt32(min(folded + 33, 0x1FFF))
        let segment = UInt32(32 - biased.leadingZeroBitCount) - 5
        let interval = (biased >> segment) & 0x0F
        let code = UInt8(truncatingIfNeeded: (8 - segment) << 4 | (0x0F - interval))
        return sample < 0 ? code : code | 0x80
    }

    /// Mu-law, table 2b.
    package static func decodeMuLaw(_ code: UInt8) -> Int16 {
        let inverted = Int32(~code)
        let magnitude = ((((inverted & 0x0F) << 3) + 0x84) << ((inverted >> 4) & 7)) - 0x84
        return Int16(truncatingIfNeeded: code & 0x80 != 0 ? magnitude : -magnitude)
    }

    /// A-law, table 1a, with the even bits inverted.
    package static func encodeALaw(_ sample: Int16) -> UInt8 {
        let folded = UInt32(sample < 0 ? ~sample : sample) >> 4
        var code = folded
        if folded > 0x0F {
            let shift = UInt32(32 - folded.leadingZeroBitCount) - 5
            code = (folded >> shift) & 0x0F | (shift + 1) << 4
        }
        return UInt8(truncatingIfNeeded: sample < 0 ? code : code | 0x80) ^ 0x55
    }

    /// A-law, table 1b.
    package static func decodeALaw(_ code: UInt8) -> Int16 {
        let plain = code ^ 0x55
        let segment = Int32(plain >> 4) & 7
        let interval = Int32(plain & 0x0F)
        let magnitude = segment == 0 ? (interval << 4) + 8 : ((interval << 4) + 0x108) << (segment - 1)
        return Int16(truncatingIfNeeded: plain & 0x80 != 0 ? magnitude : -magnitude)
    }
}
