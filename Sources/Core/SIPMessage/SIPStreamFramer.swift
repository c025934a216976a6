package import Primitives

/// Cuts a byte stream (TCP, TLS) into messages and keep-alives (RFC 3261 section 18.3, RFC 5626 section 3.5.1).
///
/// Append what arrived, then call `next` until it gives nil. After an error the stream cannot be followed any more:
/// `next` throws the same error again, and the connection is to be closed. When the error is about a message whose header
/// section is whole (its length missing, contradictory or too large), that section is the frame before the error: the
/// parser refuses it with the same fault, and its answer should leave before the connection is closed.
package struct SIPStreamFramer: Sendable {
    package enum Frame: Equatable, Sendable {
        /// One whole message, for `SIPParser.parse(_:limits:framing:)` with `.stream`.
        case message([UInt8])
        /// CRLFCRLF between messages: to be answered with CRLF.
        case ping
        /// CRLF between messages. The first half of a ping that arrived in two pieces looks the same; its second half
        /// then gives the `.ping`.
        case pong
    }

    private let limits: Limits
    private var buffer: [UInt8] = []
    /// Bytes of `buffer` that have been handed out.
    private var start = 0
    /// Where the search for the end of the header section goes on, and the body's end once it is known.
    private var scanned = 0
    private var messageEnd: Int?
    private var hasHalfPing = false
    private var failure: SIPParseError?
    /// The header section of a message that cannot be followed, once it is whole.
    private var refusedSection: [UInt8]?

    /// True after `next` has given out a message that is refused: wait for its answer before closing.
    package var awaitsAnswer: Bool { refusedSection != nil && failure != nil }

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Bytes waiting for the rest of their message; never more than twice `Limits.sipMessageBytes`.
    package var bufferedBytes: Int { buffer.count - start }

    /// Takes what arrived. When that is more than can be waiting, `next` throws `.messageTooLong`.
    package mutating func append(_ bytes: some Collection<UInt8>) {
        guard failure == nil else { return }
        guard bufferedBytes + bytes.count <= 2 * limits.sipMessageBytes else {
            fail(.messageTooLong(bytes: bufferedBytes + bytes.count, limit: 2 * limits.sipMessageBytes))
            return
        }
        if start > 0 {
            buffer.removeFirst(start)
            scanned -= start
            messageEnd = messageEnd.map { $0 - start }
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next frame; nil when more bytes are needed.
    package mutating func next() throws(SIPParseError) -> Frame? {
        if let failure { throw failure }
        do {
            return try nextFrame()
        } catch {
            fail(error)
            throw error
        }
    }

    private mutating func fail(_ error: SIPParseError) {
        failure = error
        buffer = []
        start = 0
        scanned = 0
        messageEnd = nil
    }

    private mutating func nextFrame() throws(SIPParseError) -> Frame? {
        if messageEnd == nil {
            if let frame = keepAlive() { return frame }
            guard let first = buffer[start...].first else { return nil }
            // CR, or CRLF and CR: the byte that tells has not come yet.
            if first == 0x0D, bufferedBytes == 1 || buffer[start + 1] == 0x0A { return nil }
            guard SIPCharacters.isToken(first) else { throw .notSIP }
            hasHalfPing = false
            do {
                messageEnd = try findEnd()
            } catch {
                guard let section = refusedSection else { throw error }
                fail(error)
                return .message(section)
            }
        }
        guard let end = messageEnd, end <= buffer.count else { return nil }
        let message = Array(buffer[start..<end])
        discard(upTo: end)
        messageEnd = nil
        return .message(message)
    }

    private mutating func discard(upTo index: Int) {
        start = index
        scanned = index
    }

    private mutating func keepAlive() -> Frame? {
        let rest = buffer[start...]
        guard rest.starts(with: [0x0D, 0x0A]) else { return nil }
        if rest.starts(with: [0x0D, 0x0A, 0x0D, 0x0A]) {
            discard(upTo: start + 4)
            hasHalfPing = false
            return .ping
        }
        if rest.count == 3, rest.last == 0x0D { return nil }
        discard(upTo: start + 2)
        defer { hasHalfPing.toggle() }
        return hasHalfPing ? .ping : .pong
    }

    /// The index after the message's last byte; nil when its header section is not yet complete.
    private mutating func findEnd() throws(SIPParseError) -> Int? {
        let isFirstLookAtLine = scanned == start
        if let headersEnd = headersEnd(from: max(start, scanned - 3)) {
            try checkStartLine()
            do {
                return try end(headersEnd: headersEnd)
            } catch {
                refusedSection = Array(buffer[start..<headersEnd])
                throw error
            }
        }
        scanned = buffer.count
        if isFirstLookAtLine || bufferedBytes > limits.sipStartLineBytes { try checkStartLine() }
        guard bufferedBytes <= limits.sipMessageBytes else {
            throw .messageTooLong(bytes: bufferedBytes, limit: limits.sipMessageBytes)
        }
        return nil
    }

    /// The index after the first CRLFCRLF at or after `index`.
    private func headersEnd(from index: Int) -> Int? {
        buffer.withView { view in
            var index = index
            while index + 3 < view.endIndex {
                index = view.lineBreak(from: index).index
                guard index + 3 < view.endIndex else { return nil }
                if view[index..<(index + 4)].equals("\r\n\r\n") { return index + 4 }
                index += 1
            }
            return nil
        }
    }

    /// Refuses early what can become no message: a start line without `SIP/`, or one that never ends.
    private func checkStartLine() throws(SIPParseError) {
        try buffer[start...].prefix(limits.sipStartLineBytes + 1).withView { (line) throws(SIPParseError) -> Void in
            guard let end = line.firstIndex(of: 0x0D) else {
                guard line.count <= limits.sipStartLineBytes else {
                    throw .startLineTooLong(bytes: line.count, limit: limits.sipStartLineBytes)
                }
                return
            }
            let text = line[line.startIndex..<end]
            guard text.prefix(4).equalsIgnoringCase("sip/") || text.suffix(8).dropLast(3).equalsIgnoringCase(" sip/")
            else { throw .notSIP }
        }
    }

    private func end(headersEnd: Int) throws(SIPParseError) -> Int {
        let section = buffer[start..<headersEnd]
        let length = try section.withView { (view) throws(SIPParseError) -> Int? in
            try contentLength(in: view, of: section)
        }
        guard let length else { throw .missingContentLength }
        guard length <= limits.sipBodyBytes else { throw .bodyTooLong(bytes: length, limit: limits.sipBodyBytes) }
        let end = headersEnd + length
        guard end - start <= limits.sipMessageBytes else {
            throw .messageTooLong(bytes: end - start, limit: limits.sipMessageBytes)
        }
        return end
    }

    private func contentLength(
        in view: ByteView, of section: ArraySlice<UInt8>
    ) throws(SIPParseError) -> Int? {
        var lines = try HeaderLines(view, of: section, limits: limits)
        var length: Int?
        while true {
            // A malformed field is the parser's to refuse, with an answer; only the length matters here.
            do {
                guard let field = try lines.next() else { return length }
                guard field.name == .contentLength else { continue }
                try field.bytes.withView { (value) throws(SIPParseError) -> Void in
                    try SIPParser.contentLength(value, agreeingWith: &length)
                }
            } catch {
                switch error {
                case .invalidContentLength, .conflictingContentLength: throw error
                default: if lines.isStuck { return length }
                }
            }
        }
    }
}
