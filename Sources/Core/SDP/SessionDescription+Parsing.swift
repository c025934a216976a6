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
            guard line.count >= 2, line[line.startIndex + 1] == UInt8(ascii: "="), let letter = line.first,
                !line.contains(0x00), !line.contains(0x0D)
            else { throw .malformedLine(number: lineCount) }
            // Bytes are split, not characters: one could join a delimiter and a combining mark.
            let value = line.dropFirst(2)
            guard hasVersion || letter == UInt8(ascii: "v") else { throw .missingLine("v") }
            switch letter {
            case UInt8(ascii: "v"):
                let version = Self.text(value.prefix(16)).trimmed
                guard version == "0" else { throw .unsupportedVersion(version) }
                hasVersion = true
            case UInt8(ascii: "o"): origin = try Self.origin(value)
            case UInt8(ascii: "s"): if media.isEmpty { name = Self.text(value) }
            case UInt8(ascii: "t"): timing = timing ?? Self.text(value).trimmed
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

        private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

        private static func fields(_ bytes: ArraySlice<UInt8>) -> [String] {
            bytes.split(separator: 0x20).map(text)
        }

        private static func origin(_ value: ArraySlice<UInt8>) throws(SDPError) -> Origin {
            let fields = Self.fields(value)
            guard fields.count == 6, let id = SDPNumber.parseSaturating(fields[1]),
                let version = SDPNumber.parseSaturating(fields[2])
            else { throw .malformedOrigin }
            return Origin(
                username: fields[0], sessionID: id, sessionVersion: version, address: fields[5])
        }

        private mutating func takeConnection(_ value: ArraySlice<UInt8>) throws(SDPError) {
            let fields = Self.fields(value)
            guard fields.count == 3, fields[0] == "IN" else { throw .malformedConnection(line: lineCount) }
            // A multicast address carries a TTL and a count after slashes.
            let address = fields[2].split(separator: "/").first.flatMap { IPAddress($0) }
            if media.isEmpty {
                connection = address
            } else {
                media[media.count - 1].connection = address
                media[media.count - 1].namesHost = address == nil
            }
        }

        private mutating func takeAttribute(_ value: ArraySlice<UInt8>) {
            let colon = value.firstIndex(of: UInt8(ascii: ":"))
            let name = Self.text(value[..<(colon ?? value.endIndex)]).trimmed
            let attribute = SDPAttribute(name, colon.map { Self.text(value[($0 + 1)...]) })
            guard !attribute.name.isEmpty else { return }
            if media.isEmpty {
                attributes.append(attribute)
            } else {
                media[media.count - 1].attributes.append(attribute)
            }
        }

        private mutating func takeMedia(_ value: ArraySlice<UInt8>) throws(SDPError) {
            guard media.count < limits.sdpMediaDescriptions else {
                throw .tooManyMediaDescriptions(count: media.count + 1, limit: limits.sdpMediaDescriptions)
            }
            let fields = Self.fields(value)
            guard fields.count >= 4, let first = fields[1].split(separator: "/").first,
                let port = SDPNumber.parse(first, limit: 65_535)
            else { throw .malformedMedia(line: lineCount) }
            let formats = fields.dropFirst(3)
            guard formats.count <= limits.sdpFormats else {
                throw .tooManyFormats(count: formats.count, limit: limits.sdpFormats)
            }
            media.append(
                MediaDescription(
                    kind: fields[0], port: UInt16(port), proto: fields[2],
                    formats: Array(formats)))
        }
    }
}
