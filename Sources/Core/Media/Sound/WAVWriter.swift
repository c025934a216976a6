/// Makes the bytes of a WAV file of 16-bit PCM as they come: the header first, then samples, and the header again
/// whenever what stands behind it is safe, because it carries the sizes.
///
/// A file whose header was not written again plays up to what the last one said.
package struct WAVWriter: Hashable, Sendable {
    package static let headerBytes = 44
    /// The size field of the file has 32 bits, and counts most of the header.
    package static let dataBytesAtMost = Int(UInt32.max) - headerBytes

    /// Any number of samples per second.
    package let rate: Int
    package let channels: Int
    /// What the header speaks of.
    package private(set) var dataBytes: Int

    /// For a file that has `dataBytes` of samples already.
    package init(rate: Int, channels: Int, dataBytes: Int = 0) {
        precondition(rate > 0 && channels > 0 && channels < 256, "a WAV file has a rate and channels")
        self.dataBytes = min(Self.dataBytesAtMost, max(0, dataBytes))
        self.rate = rate
        self.channels = channels
    }

    /// The 44 bytes at the beginning of the file, with the sizes as of now.
    package var header: [UInt8] {
        var bytes = Array("RIFF".utf8) + Self.little(UInt32(clamping: Self.headerBytes - 8 + dataBytes))
        bytes += Array("WAVEfmt ".utf8) + Self.little(UInt32(16)) + Self.little(WAVAudio.Encoding.pcm.rawValue)
        bytes += Self.little(UInt16(clamping: channels)) + Self.little(UInt32(clamping: rate))
        bytes += Self.little(UInt32(clamping: rate * channels * 2)) + Self.little(UInt16(clamping: channels * 2))
        bytes += Self.little(UInt16(16)) + Array("data".utf8) + Self.little(UInt32(clamping: dataBytes))
        return bytes
    }

    /// The bytes of more samples, to be put at the end of the file; whole frames. From here on `header` counts them. What
    /// would take the file beyond the format's 4 GiB is left out.
    package mutating func append(_ samples: [Int16]) -> [UInt8] {
        let room = (Self.dataBytesAtMost - dataBytes) / (2 * channels) * channels
        let count = min(room, samples.count)
        dataBytes += 2 * count
        return [UInt8](unsafeUninitializedCapacity: 2 * count) { bytes, initialized in
            for index in 0..<count {
                let sample = UInt16(bitPattern: samples[index])
                bytes.initializeElement(at: 2 * index, to: UInt8(truncatingIfNeeded: sample))
                bytes.initializeElement(at: 2 * index + 1, to: UInt8(truncatingIfNeeded: sample >> 8))
            }
            initialized = 2 * count
        }
    }

    /// A whole file at once.
    package static func file(_ samples: [Int16], rate: Int, channels: Int = 1) -> [UInt8] {
        var writer = WAVWriter(rate: rate, channels: channels)
        let data = writer.append(samples)
        return writer.header + data
    }

    private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value($0 * 8)) }
    }
}
