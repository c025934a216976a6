package import Primitives
package import Settings
import Yams

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The declarative configuration (DESIGN.md section 5): YAML to `ApplianceSettings`, strictly.
///
/// An unknown key, a wrong type, a duplicate extension or an unknown group member is an error that names file, line and
/// key and says what is allowed; all of them are reported at once. Nothing is defaulted silently except what is absent.
package enum ConfigurationFile {
    /// Larger files are refused unread.
    package static let maximumBytes = 1_048_576
    /// Deeper nesting than any configuration has; keeps the YAML parser's recursion bounded.
    static let maximumDepth = 32

    /// Reads and checks a file. Blocks.
    package static func load(
        path: String, limits: Limits = Limits()
    ) throws(ConfigurationError) -> ApplianceSettings {
        try parse(try read(path), file: path, limits: limits)
    }

    /// Checks the text of a configuration; `file` names it in problems.
    package static func parse(
        _ bytes: [UInt8], file: String, limits: Limits = Limits()
    ) throws(ConfigurationError) -> ApplianceSettings {
        guard bytes.count <= maximumBytes else { throw .tooLong(file: file, limit: maximumBytes) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .problems([ConfigurationProblem(file: file, line: nil, key: "", text: "is not UTF-8 text")])
        }
        if let line = tooDeepLine(bytes) {
            let problem = ConfigurationProblem(
                file: file, line: line, key: "", text: "is nested deeper than \(maximumDepth) levels")
            throw .problems([problem])
        }
        let reader = YAMLReader(file: file)
        let settings = SettingsReader(reader: reader, limits: limits).read(try compose(text, file: file))
        guard reader.problems.isEmpty else {
            throw .problems(reader.problems.sorted { ($0.line ?? 0) < ($1.line ?? 0) })
        }
        return settings
    }

    private static func compose(_ text: String, file: String) throws(ConfigurationError) -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch {
            throw .problems([problem(error, file: file)])
        }
    }

    private static func problem(_ error: any Error, file: String) -> ConfigurationProblem {
        var line: Int?
        var text = "is not YAML"
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            line = mark.line
            text += ": \(problem)"
        case .duplicatedKeysInMapping(let duplicates, let context):
            line = context.mark.line
            text = "the key \(duplicates.map { "'\($0)'" }.joined(separator: ", ")) appears twice in one mapping"
        case .reader(let problem, _, _, _): text += ": \(problem)"
        default: break
        }
        return ConfigurationProblem(file: file, line: line, key: "", text: text)
    }

    /// The line at which flow brackets, indentation or runs of `- ` exceed `maximumDepth`; quotes are not considered
    /// beyond skipping their content, so that a bracket in a password does not count.
    private static func tooDeepLine(_ bytes: [UInt8]) -> Int? {
        var line = 1
        var depth = 0
        var indicators = 0
        var isAtStart = true
        var quote: UInt8?
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                line += 1
                (indicators, isAtStart) = (0, true)
                continue
            }
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): quote = byte
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"): if isAtStart { indicators += 1 }
            case UInt8(ascii: " "): if isAtStart { indicators += 1 }
            default: isAtStart = false
            }
            if depth > maximumDepth || indicators > maximumDepth * 8 { return line }
        }
        return nil
    }

    /// The bytes of a configuration file, at most `maximumBytes`. Blocks.
    package static func read(_ path: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while content.count <= maximumBytes {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            guard count >= 0 else { throw .unreadable(file: path, reason: String(cString: strerror(errno))) }
            if count == 0 { return content }
            content += chunk[..<count]
        }
        throw .tooLong(file: path, limit: maximumBytes)
    }
}
