package import Media

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Why a file of sound could not be read or written.
package enum SoundFileError: Error, Hashable, Sendable {
    /// What the system refused.
    case system(operation: String, path: String, code: Int32)
    case invalidName(String)
    /// A directory, a link, a device: what is read and written is plain files.
    case notPlain(path: String)
    case alreadyThere(path: String)
    case wav(path: String, WAVError)
    case tooManyClips(path: String, limit: Int)
    case tooMuchMemory(path: String, limitBytes: Int)
    case tooManyRecordings(path: String, limit: Int)
    case recordingFull(path: String, limitBytes: Int)
    case diskReserve(path: String, freeBytes: Int, reserveBytes: Int)
    /// A recording that was finished, or gave up, takes nothing more.
    case closed(path: String)
}

extension SoundFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let operation, let path, let code):
            "cannot \(operation) \(path): \(String(cString: strerror(code)))"
        case .invalidName(let name):
            "\"\(name)\" is no name for a file of sound; use 1 to \(SoundFileName.lengthAtMost) of a-z, A-Z, 0-9, - and _"
        case .notPlain(let path): "\(path) is no plain file; put a copy of the sound there"
        case .alreadyThere(let path): "\(path) exists already; recordings are never written over"
        case .wav(let path, let error): "\(path) \(error)"
        case .tooManyClips(let path, let limit): "\(path) is beyond the \(limit) sounds of a directory; remove some"
        case .tooMuchMemory(let path, let limit):
            "\(path) does not fit: the sounds of a directory take \(limit) bytes of memory at most; shorten or remove some"
        case .tooManyRecordings(let path, let limit):
            "\(path) cannot be begun: \(limit) recordings are under way, which is the limit; end some"
        case .recordingFull(let path, let limit): "the recording \(path) has reached its limit of \(limit) bytes"
        case .diskReserve(let path, let free, let reserve):
            "recording to \(path) would leave less than \(reserve) bytes on its file system, which has \(free) free;"
                + " remove old recordings"
        case .closed(let path): "the recording \(path) has been closed"
        }
    }
}

/// Names of sounds, without the .wav behind them: what is safe in a path and plain in a configuration.
package enum SoundFileName {
    package static let lengthAtMost = 64
    static let suffix = ".wav"

    package static func isValid(_ name: String) -> Bool {
        (1...lengthAtMost).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
