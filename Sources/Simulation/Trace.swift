import OpenSSLCrypto
import Primitives

/// What happened, line by line, and a running SHA-256 over it: two runs of one seed have one hash.
package final class Trace {
    private var hasher = SHA256Hasher()
    private let print: ((String) -> Void)?
    package private(set) var lineCount = 0

    /// Writes nothing down, for runs of which only the outcome counts.
    private let isMuted: Bool

    /// `print` gets each line as it is written; nil keeps the hash only.
    package init(isMuted: Bool = false, print: ((String) -> Void)? = nil) {
        self.isMuted = isMuted
        self.print = print
    }

    func write(_ now: Instant, _ text: @autoclosure () -> String) {
        guard !isMuted else { return }
        let line = "\(padded(Int(now.nanoseconds / 1_000), 10)) \(text())\n"
        hasher.update(Array(line.utf8))
        lineCount += 1
        print?(line)
    }

    /// Lower-case hexadecimal; final, call once.
    package func finish() -> String { Hex.encode(hasher.digest()) }
}
