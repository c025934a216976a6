import Glibc

/// A file operation that the system refused.
package struct FileFailure: Error, Sendable, Hashable {
    package var path: String
    package var operation: String
    /// `errno`.
    package var code: Int32

    package init(path: String, operation: String, code: Int32) {
        self.path = path
        self.operation = operation
        self.code = code
    }

    package var isNotFound: Bool { code == ENOENT }
    package var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
    /// The system's text for `code`.
    package var reason: String { String(cString: strerror(code)) }
}

extension FileFailure: CustomStringConvertible {
    package var description: String { "cannot \(operation) \(path): \(reason)" }
}
