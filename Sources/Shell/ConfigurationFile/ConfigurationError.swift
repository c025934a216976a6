/// One thing that is wrong with a configuration file.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    package var file: String
    /// From 1; nil when the whole file is meant.
    package var line: Int?
    /// Where in the document: `users[2].extension`; empty for the whole document.
    package var key: String
    /// What is wrong and what is allowed.
    package var text: String

    package init(file: String, line: Int?, key: String, text: String) {
        self.file = file
        self.line = line
        self.key = key
        self.text = text
    }

    package var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return key.isEmpty ? "\(place): \(text)" : "\(place): \(key): \(text)"
    }
}

/// Why a configuration file was not accepted. Nothing of it is applied.
package enum ConfigurationError: Error, Sendable, Hashable {
    case unreadable(file: String, reason: String)
    case tooLong(file: String, limit: Int)
    /// Every problem of the file, in the order of its lines.
    case problems([ConfigurationProblem])
}

extension ConfigurationError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let file, let reason): "cannot read the configuration file \(file): \(reason)"
        case .tooLong(let file, let limit):
            "configuration file \(file) is longer than \(limit) bytes; split off what is not configuration"
        case .problems(let problems): problems.map(\.description).joined(separator: "\n")
        }
    }
}
