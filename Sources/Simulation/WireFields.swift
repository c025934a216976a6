import CloudMessages
import CloudWire
import OpenSSLCrypto
import Primitives
import PrivacyContract

/// What is on the wire, read from the bytes that the shell would write: the names of the fields, and how many bytes their
/// values take.
enum WireFields {
    /// The fields of the HTTP request that carries a message, those included that its connection implies. What cannot be
    /// told apart is a field that no flow declares.
    static func of(_ message: OutboundMessage, artifact: [UInt8]?, at time: UnixTime) -> [FieldName] {
        let digest = artifact.map { OpenSSLHashes().sha256($0) }
        guard let request = try? HTTPMapping.request(for: message, at: time, artifactSHA256: digest) else {
            return message.flow == .c5 || message.flow == .c3 ? [FieldName("unreadable")] : []
        }
        return of(request, carrying: message.flow)
    }

    private static func of(_ request: CloudHTTPRequest, carrying flow: FlowID) -> [FieldName] {
        var names = request.headers.compactMap(field)
        switch (flow, request.body) {
        case (.c3, .bytes(let body)): names += topLevelKeys(body).map { $0 == "user" ? .userName : FieldName($0) }
        case (.c4, .none): names.append(.revocation)  // the token's id is the path
        case (.c5, .bytes(let body)):
            names += topLevelKeys(body).map { $0 == "resourceMetrics" ? .metrics : FieldName($0) }
            let points = (try? OTLPMetrics.decode(body)) ?? []
            names += points.map(\.point).filter { !MetricAllowList.permits($0) }.map { FieldName($0.name) }
            names.append(.serial)  // the client certificate's
        case (.c7, .none): names += [.externalAddress, .certificate]
        case (.s2, .none):
            let query = query(of: request).map { FieldName($0.name) }
            // Without a question the path is `/v1/bundles/<system>/<version>`.
            names += [.externalAddress] + (query.isEmpty ? [.operatingSystem, .version] : query)
        case (.s10, .bytes(let body)): names += topLevelKeys(body).map { FieldName($0) }
        case (.c8, .bytes), (.c8, .artifact): names += [.ciphertext, .size]
        default: names.append(FieldName("\(request.method) \(request.path)"))
        }
        return names
    }

    /// The pairs of a request's query.
    static func query(of request: CloudHTTPRequest) -> [(name: String, value: String)] {
        guard let mark = request.path.firstIndex(of: "?") else { return [] }
        return request.path[request.path.index(after: mark)...].split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (parts[0], parts.count > 1 ? parts[1] : "")
        }
    }

    /// What a header says; nil for one that describes the body only.
    private static func field(_ header: WireHeader) -> FieldName? {
        switch header.name {
        case "Content-Type", "If-None-Match", "Repr-Digest": nil
        case BackupHeaders.createdAt: .time
        case BackupHeaders.keyID: .keyID
        default: FieldName(header.name)
        }
    }

    /// The members of the JSON object that the service `control` answers with.
    static func of(_ state: DeviceState) -> [FieldName] { members(of: DeviceStateBody(state)) }

    /// The members of the event that a call data stream carries.
    static func of(_ record: CallRecord) -> [FieldName] { members(of: CallRecordBody(record)) }

    /// A provisioning file is one field; anything else is none.
    static func of(file: [UInt8]) -> [FieldName] {
        String(decoding: file, as: UTF8.self).contains("<options>") ? [.provisioningFile] : []
    }

    /// The values as text.
    static func bytes(of state: DeviceState) -> Int64 {
        let numbers = "\(state.registeredUsers)\(state.activeCalls)"
        return count(state.model + state.firmwareVersion + state.edition + numbers + state.services.joined())
    }

    /// The values as text.
    static func bytes(of record: CallRecord) -> Int64 {
        let texts = [
            "\(record.callDataID)", record.startDate.rfc3339, "\(record.lengthSeconds)", record.externalName,
            record.externalPhoneNumber, record.msn, record.userNumber, record.userName, record.connectedUserNumber,
            record.connectedUserName, record.groupNumber, record.groupName, "\(record.cost)", "\(record.costFactor)",
            record.direction.rawValue, record.callType, "\(record.success)",
        ]
        return count(texts.joined())
    }

    private static func count(_ text: String) -> Int64 { Int64(text.utf8.count) }

    /// The keys of a flat JSON object, sorted.
    private static func members(of body: some Encodable) -> [FieldName] {
        guard let bytes = try? WireJSON.encode(body, what: "body") else { return [] }
        return topLevelKeys(bytes).map { FieldName($0) }.sorted()
    }

    /// Strings that a colon follows, at depth one.
    static func topLevelKeys(_ json: [UInt8]) -> [String] {
        var keys: [String] = []
        var depth = 0
        var text: [UInt8]?
        var last: [UInt8] = []
        var isEscaped = false
        for byte in json {
            if var open = text {
                if !isEscaped, byte == UInt8(ascii: "\"") {
                    last = open
                    text = nil
                } else {
                    open.append(byte)
                    isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                    text = open
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): text = []
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ":") where depth == 1: keys.append(String(decoding: last, as: UTF8.self))
            default: break
            }
        }
        return keys
    }
}
