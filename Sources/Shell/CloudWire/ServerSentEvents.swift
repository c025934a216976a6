package import CloudMessages

/// One event of a `text/event-stream` (HTML Living Standard, section 9.2).
package struct ServerSentEvent: Sendable, Hashable {
    package static let contentType = "text/event-stream"
    /// A comment line; keeps intermediaries from closing a quiet stream.
    package static let keepAlive: [UInt8] = Array(": keep-alive\n\n".utf8)

    /// The consumer's cursor: it comes back as `after=` when the stream is opened again.
    package var id: String
    package var event: String
    /// Without line breaks.
    package var data: String

    package init(id: String, event: String, data: String) {
        self.id = id
        self.event = event
        self.data = data
    }

    /// A call record (F-C6) as the event `call`.
    package init(_ record: CallRecord) throws(CloudWireError) {
        let json = try WireJSON.encode(CallRecordBody(record), what: "call record")
        self.init(id: String(record.callDataID), event: "call", data: String(decoding: json, as: UTF8.self))
    }

    package var encoded: [UInt8] { Array("id: \(id)\nevent: \(event)\ndata: \(data)\n\n".utf8) }

    /// The call record inside an event `call`.
    package func callRecord(limits: WireLimits = WireLimits()) throws(CloudWireError) -> CallRecord {
        let body = try WireJSON.decode(
            CallRecordBody.self, from: Array(data.utf8), limit: limits.eventBytes, what: "call record")
        guard let record = body.record else {
            throw .malformed(what: "call record", reason: "CallDataId, startDate or direction is not valid")
        }
        return record
    }
}

/// Cuts a byte stream into server-sent events; bytes may arrive in any pieces.
package struct ServerSentEventParser: Sendable {
    private var line: [UInt8] = []
    private var lastWasCarriageReturn = false
    private var current = ServerSentEvent(id: "", event: "message", data: "")
    private var hasData = false
    private var pendingBytes = 0
    private let limit: Int

    package init(limits: WireLimits = WireLimits()) { limit = limits.eventBytes }

    /// The events that these bytes complete. Throws when one event exceeds the limit; the stream is to be closed then.
    package mutating func feed(_ bytes: some Sequence<UInt8>) throws(CloudWireError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            pendingBytes += 1
            guard pendingBytes <= limit else {
                throw .bodyTooLarge(what: "server-sent event", bytes: pendingBytes, limit: limit)
            }
            switch byte {
            case 0x0A where lastWasCarriageReturn: break  // second half of CR LF
            case 0x0A, 0x0D: if let event = endLine() { events.append(event) }
            default: line.append(byte)
            }
            lastWasCarriageReturn = byte == 0x0D
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty {
            let event = hasData ? current : nil
            current.data = ""
            current.event = "message"
            hasData = false
            pendingBytes = 0
            return event
        }
        let colon = line.firstIndex(of: 0x3A) ?? line.endIndex
        let name = String(decoding: line[..<colon], as: UTF8.self)
        var rest = line[min(colon + 1, line.endIndex)...]
        if rest.first == 0x20 { rest = rest.dropFirst() }
        let value = String(decoding: rest, as: UTF8.self)
        switch name {
        case "id": current.id = value
        case "event": current.event = value
        case "data":
            current.data = hasData ? current.data + "\n" + value : value
            hasData = true
        default: break  // a comment (empty name), or a field that we do not know
        }
        return nil
    }
}
