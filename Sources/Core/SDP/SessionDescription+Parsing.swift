package import Primitives

extension SessionDescription {
    /// Reads a description. Lines may end with CRLF or LF, `s=` and `t=` may be missing, unknown lines are skipped.
    ///
    /// `Limits.sdpLines`, `sdpMediaDescriptions` and `sdpFormats` hold. Bytes that are not UTF-8 are replaced.
    package static func parse(_ bytes: [UInt8], limits: Limits = Limits()) throws(SDPError) -> SessionDescription {
        var reader = Reader(limits: limits)
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            try reader.take(bytes[start..<end])
            start = end + 1
        }
        return try reader.finish()
    }

    private struct Reader {
        let limits: Limits
        var lineCount = 0
        var hasVersion = false
        var origin: Origin?
        var name = ""
        var connection: IPAddress?
        var timing: String?
        var attributes: [SDPAttribute] = []
        var media: [MediaDescription] = []

        mutating func take(_ raw: ArraySlice<UInt8>) throws(SDPError) {
            let line = raw.last == 0x0D ? raw.dropLast() : raw
            lineCount += 1
            guard lineCount <= limits.sdpLines else {
                throw .tooManyLines(count: lineCount, limit: limits.sdpLines)
            }
            guard !line.isEmpty else { return }
            guard line.count >= 2, line[line.startIndex + 1] == UInt8(ascii: "="), let letter = line.first else {
                throw .malformedLine(number: lineCount)
            }
            let value = String(decoding: line.dropFirst(2), as: UTF8.self)
            guard hasVersion || letter == UInt8(ascii: "v") else { throw .missingLine("v") }
            switch letter {
            case UInt8(ascii: "v"):
                guard value.trimmed == "0" else { throw .unsupportedVersion(String(value.prefix(16))) }
                hasVersion = true
            case UInt8(ascii: "o"): origin = try Self.origin(value)
            case UInt8(ascii: "s"): if media.isEmpty { name = value }
            case UInt8(ascii: "t"): timing = timing ?? value.trimmed
            case UInt8(ascii: "c"): try takeConnection(value)
            case UInt8(ascii: "a"): takeAttribute(value)
            case UInt8(ascii: "m"): try takeMedia(value)
            default: break
            }
        }

        func finish() throws(SDPError) -> SessionDescription {
            guard hasVersion else { throw .missingLine("v") }
            guard let origin else { throw .missingLine("o") }
            return SessionDescription(
                origin: origin, name: name.isEmpty ? "-" : name, connection: connection, timing: timing ?? "0 0",
                attributes: attributes, media: media)
        }

        private static func origin(_ value: String) throws(SDPError) -> Origin {
            let fields = value.split(separator: " ")
            guard fields.count == 6, let id = SDPNumber.parseSaturating(fields[1]),
                let version = SDPNumber.parseSaturating(fields[2])
            else { throw .malformedOrigin }
            return Origin(
                username: String(fields[0]), sessionID: id, sessionVersion: version, address: String(fields[5]))
        }

        private mutating func takeConnection(_ value: String) throws(SDPError) {
            let fields = value.split(separator: " ")
            guard fields.count == 3, fields[0] == "IN" else { throw .malformedConnection(line: lineCount) }
            // A multicast address carries a TTL and a count after slashes.
            let address = fields[2].split(separator: "/").first.flatMap { IPAddress($0) }
            if media.isEmpty {
                connection = address
            } else {
                media[media.count - 1].connection = address
            }
        }

        private mutating func takeAttribute(_ value: String) {
            let parts = value.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let attribute = SDPAttribute(String(parts.first ?? "").trimmed, parts.count > 1 ? String(parts[1]) : nil)
            guard !attribute.name.isEmpty else { return }
            if media.isEmpty {
                attributes.append(attribute)
            } else {
                media[media.count - 1].attributes.append(attribute)
            }
        }

        private mutating func takeMedia(_ value: String) throws(SDPError) {
            guard media.count < limits.sdpMediaDescriptions else {
                throw .tooManyMediaDescriptions(count: media.count + 1, limit: limits.sdpMediaDescriptions)
            }
            let fields = value.split(separator: " ")
            guard fields.count >= 4, let first = fields[1].split(separator: "/").first,
                let port = SDPNumber.parse(first, limit: 65_535)
            else { throw .malformedMedia(line: lineCount) }
            let formats = fields.dropFirst(3)
            guard formats.count <= limits.sdpFormats else {
                throw .tooManyFormats(count: formats.count, limit: limits.sdpFormats)
            }
            media.append(
                MediaDescription(
                    kind: String(fields[0]), port: UInt16(port), proto: String(fields[2]),
                    formats: formats.map(String.init)))
        }
    }
}
