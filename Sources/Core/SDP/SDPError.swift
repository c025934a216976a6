/// Why bytes are no session description that can be used. Every case is a peer's mistake.
package enum SDPError: Error, Equatable, Sendable {
    case tooManyLines(count: Int, limit: Int)
    case tooManyMediaDescriptions(count: Int, limit: Int)
    case tooManyFormats(count: Int, limit: Int)
    /// Not `x=value`; the line is counted from 1.
    case malformedLine(number: Int)
    case unsupportedVersion(String)
    /// No `v=` or no `o=` line where it must be.
    case missingLine(Character)
    case malformedOrigin
    case malformedConnection(line: Int)
    case malformedMedia(line: Int)
}

extension SDPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooManyLines(let count, let limit):
            "session description has \(count) lines or more, limit \(limit); offer fewer codecs"
        case .tooManyMediaDescriptions(let count, let limit):
            "session description has \(count) media descriptions or more, limit \(limit); offer fewer streams"
        case .tooManyFormats(let count, let limit):
            "media description has \(count) formats, limit \(limit); offer fewer codecs"
        case .malformedLine(let number): "session description line \(number) is not \"x=value\""
        case .unsupportedVersion(let version): "session description version \"\(version)\" is not supported; send v=0"
        case .missingLine(let letter): "session description lacks its \(letter)= line"
        case .malformedOrigin: "session description o= line is malformed; it needs six fields"
        case .malformedConnection(let line): "session description c= line \(line) is malformed"
        case .malformedMedia(let line): "session description m= line \(line) is malformed"
        }
    }
}
