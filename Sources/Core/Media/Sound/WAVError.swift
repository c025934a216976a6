/// Why bytes are not taken for a WAV file. Whoever knows the file's name puts it in front.
package enum WAVError: Error, Hashable, Sendable {
    /// It does not begin as a WAV file does; what it seems to be.
    case notWAV(found: String)
    /// It ends, or a chunk is too short, where the format needs more.
    case damaged(String)
    /// The sound is in a form that is not read.
    case unsupported(found: String)
    case tooManyBytes(Int, limit: Int)
    case tooLong(seconds: Int, limit: Int)
}

extension WAVError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notWAV(let found): "is \(found) and no WAV file; convert it (\(Self.conversion))"
        case .damaged(let what): "is damaged: \(what); convert it again from its source (\(Self.conversion))"
        case .unsupported(let found):
            "is \(found); accepted are 16-bit PCM and G.711 (A-law, mu-law), 1 or 2 channels, 8000, 16000 or 48000 Hz"
                + " (\(Self.conversion))"
        case .tooManyBytes(let bytes, let limit): "has \(bytes) bytes, \(limit) at most; shorten it"
        case .tooLong(let seconds, let limit): "lasts \(seconds) s, \(limit) s at most; shorten it"
        }
    }

    private static let conversion = "sox IN -r 16000 -c 1 -b 16 OUT.wav"
}
