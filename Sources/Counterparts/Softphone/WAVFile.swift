import FoundationEssentials

/// 16-bit PCM mono WAV files at 8 kHz: what the softphone plays and records.
package enum WAVFile {
    package enum WAVError: Error, Sendable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case unsupported(path: String, found: String)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
            case .unsupported(let path, let found):
                "\(path) is \(found); the softphone plays 16-bit PCM, mono, 8000 Hz (sox IN -r 8000 -c 1 -b 16 OUT.wav)"
            }
        }
    }

    /// Ten minutes.
    static let sampleLimit = 8_000 * 600

    package static func read(_ path: String) throws(WAVError) -> [Int16] {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        let bytes = [UInt8](data)
        guard bytes.count >= 44, bytes[0..<4].elementsEqual("RIFF".utf8), bytes[8..<12].elementsEqual("WAVE".utf8)
        else {
            throw .unsupported(path: path, found: "no WAV file")
        }
        var position = 12
        var isSuitable = false
        while position + 8 <= bytes.count {
            let size = Int(little32(bytes, position + 4))
            let body = position + 8..<min(bytes.count, position + 8 + size)
            switch String(decoding: bytes[position..<position + 4], as: UTF8.self) {
            case "fmt ":
                guard body.count >= 16 else { throw .unsupported(path: path, found: "damaged") }
                let format = little16(bytes, body.lowerBound)
                let channels = little16(bytes, body.lowerBound + 2)
                let rate = little32(bytes, body.lowerBound + 4)
                let bits = little16(bytes, body.lowerBound + 14)
                guard format == 1, channels == 1, rate == 8_000, bits == 16 else {
                    throw .unsupported(
                        path: path, found: "format \(format), \(channels) channels, \(rate) Hz, \(bits) bit")
                }
                isSuitable = true
            case "data":
                guard isSuitable else {
                    throw .unsupported(path: path, found: "without a format chunk before its data")
                }
                let count = min(body.count / 2, sampleLimit)
                return (0..<count).map { Int16(bitPattern: little16(bytes, body.lowerBound + 2 * $0)) }
            default: break
            }
            position = body.upperBound + size % 2
            if body.isEmpty, size == 0 { continue }
        }
        throw .unsupported(path: path, found: "without audio data")
    }

    package static func write(_ samples: [Int16], to path: String) throws {
        var bytes = Array("RIFF".utf8) + little(UInt32(36 + samples.count * 2)) + Array("WAVEfmt ".utf8)
        bytes += little(UInt32(16)) + little(UInt16(1)) + little(UInt16(1)) + little(UInt32(8_000))
        bytes += little(UInt32(16_000)) + little(UInt16(2)) + little(UInt16(16)) + Array("data".utf8)
        bytes += little(UInt32(samples.count * 2))
        for sample in samples { bytes += little(UInt16(bitPattern: sample)) }
        try Data(bytes).write(to: URL(filePath: path))
    }

    private static func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value($0 * 8)) }
    }

    private static func little16(_ bytes: [UInt8], _ at: Int) -> UInt16 {
        UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
    }

    private static func little32(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        UInt32(little16(bytes, at)) | UInt32(little16(bytes, at + 2)) << 16
    }
}
