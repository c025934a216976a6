import FoundationEssentials
package import Media

/// WAV files by their paths: what the softphone plays and records. The format is `WAVReader`'s and `WAVWriter`'s.
package enum WAVFile {
    package enum WAVError: Error, Sendable, CustomStringConvertible {
        case unreadable(path: String, reason: String)
        case unsuitable(path: String, Media.WAVError)

        package var description: String {
            switch self {
            case .unreadable(let path, let reason): "cannot read \(path): \(reason)"
            case .unsuitable(let path, let error): "\(path) \(error)"
            }
        }
    }

    /// Ten minutes.
    static let sampleLimit = 8_000 * 600

    /// One channel at 8 kHz.
    package static func read(_ path: String) throws(WAVError) -> [Int16] {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: path)) } catch {
            throw .unreadable(path: path, reason: "\(error)")
        }
        do { return try WAVReader.read([UInt8](data)).mono(rate: 8_000) } catch {
            throw .unsuitable(path: path, error)
        }
    }

    /// `samples` at 8 kHz.
    package static func write(_ samples: [Int16], to path: String) throws {
        try Data(WAVWriter.file(samples, rate: 8_000)).write(to: URL(filePath: path))
    }
}
