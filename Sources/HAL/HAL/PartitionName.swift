/// Which names a file in a partition may have; the same on every adapter, and never a path.
package enum PartitionName {
    package static let limitBytes = 100

    /// Letters, digits, `.`, `-`, `_`; not `.` or `..`; at most `limitBytes`.
    package static func isValid(_ name: String) -> Bool {
        guard (1...limitBytes).contains(name.utf8.count), name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }

    /// Throws `.invalidName`, with no more of a hostile name than fits into a log line.
    package static func validate(_ name: String) throws(HALError) {
        guard isValid(name) else { throw .invalidName(String(name.prefix(limitBytes))) }
    }
}
