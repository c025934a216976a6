import Glibc
import NIOCore
import OpenSSLCrypto
import Primitives

/// Standard input, output and error, and whether a person sits there.
enum Terminal {
    /// Longer passwords and codes are none.
    private static let inputLimit = 4_096

    static var hasInput: Bool { isatty(STDIN_FILENO) == 1 }
    static var showsErrors: Bool { isatty(STDERR_FILENO) == 1 }

    /// A line on standard error.
    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    /// Text on a descriptor, whole, past any buffer.
    static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR || errno == EAGAIN else { return }
                continue
            }
            rest = rest.dropFirst(count)
        }
    }

    /// A line of standard input, asked for when a person sits there.
    static func line(prompt: String) throws(CommandFailure) -> String {
        if hasInput { write(prompt, to: STDERR_FILENO) }
        guard let line = readLine(strippingNewline: true), !line.isEmpty, line.utf8.count <= inputLimit else {
            throw CommandFailure(.usage, "nothing was typed")
        }
        return line
    }

    /// A password: from a file (one line break at its end is dropped), or typed without echo, or a line of standard
    /// input. `isNew`: typed twice.
    static func password(file: String?, prompt: String, isNew: Bool = false) throws(CommandFailure) -> String {
        if let file { return try password(inFile: file) }
        guard hasInput else { return try line(prompt: "") }
        let first = try withoutEcho(prompt)
        if isNew, try withoutEcho("Again: ") != first {
            throw CommandFailure(.usage, "the two passwords differ; nothing was changed")
        }
        return first
    }

    private static func password(inFile path: String) throws(CommandFailure) -> String {
        var bytes: [UInt8]
        do { bytes = try PrivateFile.read(path, limit: inputLimit) } catch {
            throw CommandFailure(.general, "\(error)")
        }
        defer { bytes.wipe() }
        if bytes.last == 0x0A { bytes.removeLast() }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.usage, "\(path) holds no password")
        }
        return text
    }

    private static func withoutEcho(_ prompt: String) throws(CommandFailure) -> String {
        var before = termios()
        let isChanged = tcgetattr(STDIN_FILENO, &before) == 0
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        if isChanged { tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) }
        defer {
            if isChanged { tcsetattr(STDIN_FILENO, TCSAFLUSH, &before) }
            write("\n", to: STDERR_FILENO)
        }
        return try line(prompt: prompt)
    }

    /// Shows on a terminal that long work goes on, with its seconds; prints nothing elsewhere.
    static func whileShowing<Result>(
        _ text: String, on eventLoop: any EventLoop, _ work: () async throws -> Result
    ) async rethrows -> Result {
        guard showsErrors else { return try await work() }
        let start = NIODeadline.now()
        let ticking = eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { _ in
            let seconds = (NIODeadline.now() - start).nanoseconds / 1_000_000_000
            write("\r\(text) … \(seconds) s", to: STDERR_FILENO)
        }
        defer {
            ticking.cancel()
            write("\n", to: STDERR_FILENO)
        }
        return try await work()
    }
}

extension [UInt8] {
    /// Overwrites the bytes.
    fileprivate mutating func wipe() { for index in indices { self[index] = 0 } }
}
