/// A hash that is the same for the same bytes in every process: FNV-1a, 64 bits. For names and lookups, not for secrets.
package struct StableHash: Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    package mutating func combine(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// The value in hexadecimal digits, without leading zeros.
    package var text: String { String(value, radix: 16) }
}
