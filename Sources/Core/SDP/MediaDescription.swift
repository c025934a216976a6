package import Primitives

/// `a=name` or `a=name:value`.
package struct SDPAttribute: Sendable, Hashable {
    package var name: String
    package var value: String?

    package init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// Which way media flows, seen from who wrote the description (RFC 8866 section 6.7).
package enum MediaDirection: String, Sendable, Hashable, CaseIterable {
    case sendrecv, sendonly, recvonly, inactive

    package init(sends: Bool, receives: Bool) {
        self =
            switch (sends, receives) {
            case (true, true): .sendrecv
            case (true, false): .sendonly
            case (false, true): .recvonly
            case (false, false): .inactive
            }
    }

    package var sends: Bool { self == .sendrecv || self == .sendonly }
    package var receives: Bool { self == .sendrecv || self == .recvonly }
    /// The same flow seen from the other end.
    package var reversed: MediaDirection { MediaDirection(sends: receives, receives: sends) }

    /// What both allow.
    package func intersection(_ other: MediaDirection) -> MediaDirection {
        MediaDirection(sends: sends && other.sends, receives: receives && other.receives)
    }
}

/// One `m=` section (RFC 8866 section 5.14).
package struct MediaDescription: Sendable, Hashable {
    /// `audio`, `video`, ... as it was spelt.
    package var kind: String
    /// 0: the stream is not wanted (RFC 3264 section 6).
    package var port: UInt16
    /// `RTP/AVP`, ...
    package var proto: String
    /// Payload types as text, in order of preference.
    package var formats: [String]
    /// The section's own address; nil when it has none or names a host. See `SessionDescription.connection(of:)`.
    package var connection: IPAddress?
    package var attributes: [SDPAttribute]

    package init(
        kind: String, port: UInt16, proto: String, formats: [String], connection: IPAddress? = nil,
        attributes: [SDPAttribute] = []
    ) {
        self.kind = kind
        self.port = port
        self.proto = proto
        self.formats = formats
        self.connection = connection
        self.attributes = attributes
    }

    /// The value of the first attribute of that name; nil when absent or without value.
    package func value(of name: String) -> String? { attributes.first { $0.name == name }?.value }

    package func has(_ name: String) -> Bool { attributes.contains { $0.name == name } }

    /// The section's own direction; nil when it states none. See `SessionDescription.direction(of:)`.
    package var direction: MediaDirection? {
        get { attributes.lazy.compactMap { MediaDirection(rawValue: $0.name) }.first }
        set {
            attributes.removeAll { MediaDirection(rawValue: $0.name) != nil }
            if let newValue { attributes.append(SDPAttribute(newValue.rawValue)) }
        }
    }

    /// Milliseconds of audio the writer wants to get in a packet (RFC 8866 section 6.4); nil when absent or no number.
    package var ptime: Int? { value(of: "ptime").flatMap { SDPNumber.parse($0, limit: 1_000) } }

    /// The longest packet the writer takes, milliseconds.
    package var maxptime: Int? { value(of: "maxptime").flatMap { SDPNumber.parse($0, limit: 10_000) } }

    /// The port of `a=rtcp` (RFC 3605); nil when absent: RTP port + 1.
    package var rtcpPort: UInt16? {
        value(of: "rtcp")?.split(separator: " ").first.flatMap { SDPNumber.parse($0, limit: 65_535) }
            .map { UInt16($0) }
    }

    /// The address of `a=rtcp`; nil when absent: that of RTP.
    package var rtcpAddress: IPAddress? {
        guard let parts = value(of: "rtcp")?.split(separator: " "), parts.count == 4 else { return nil }
        return IPAddress(parts[3])
    }

    /// RTP and RTCP on one port (RFC 5761).
    package var rtcpMux: Bool { has("rtcp-mux") }

    /// What the formats mean, in their order; those without a known meaning are left out.
    package var audioFormats: [AudioFormat] { formats.compactMap(audioFormat) }

    /// By `a=rtpmap` and `a=fmtp`, else by the static table of RFC 3551.
    package func audioFormat(_ format: String) -> AudioFormat? {
        guard let number = SDPNumber.parse(format, limit: 127) else { return nil }
        let payloadType = UInt8(number)
        let fmtp = mapped("fmtp", payloadType)
        guard let map = mapped("rtpmap", payloadType) else {
            return AudioFormat.statics.first { $0.payloadType == payloadType }.map {
                AudioFormat(
                    payloadType: payloadType, encodingName: $0.encodingName, clockRate: $0.clockRate,
                    channels: $0.channels, fmtp: fmtp)
            }
        }
        let parts = map.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, !parts[0].isEmpty,
            let rate = SDPNumber.parse(parts[1], limit: 1_000_000), rate > 0
        else { return nil }
        var channels = 1
        if parts.count == 3 {
            guard let count = SDPNumber.parse(parts[2], limit: 255), count > 0 else { return nil }
            channels = count
        }
        return AudioFormat(
            payloadType: payloadType, encodingName: String(parts[0]), clockRate: rate, channels: channels, fmtp: fmtp)
    }

    /// What follows `payloadType` and a space in an attribute of that name.
    private func mapped(_ name: String, _ payloadType: UInt8) -> String? {
        for attribute in attributes where attribute.name == name {
            let parts = (attribute.value ?? "").split(separator: " ", maxSplits: 1)
            guard parts.count == 2, SDPNumber.parse(parts[0], limit: 127) == Int(payloadType) else { continue }
            return String(parts[1]).trimmed
        }
        return nil
    }
}

/// What a payload type stands for.
package struct AudioFormat: Sendable, Hashable {
    package var payloadType: UInt8
    /// As it was spelt; compare with `isNamed`.
    package var encodingName: String
    /// Hz.
    package var clockRate: Int
    package var channels: Int
    /// Format parameters, unparsed.
    package var fmtp: String?

    package init(payloadType: UInt8, encodingName: String, clockRate: Int, channels: Int = 1, fmtp: String? = nil) {
        self.payloadType = payloadType
        self.encodingName = encodingName
        self.clockRate = clockRate
        self.channels = channels
        self.fmtp = fmtp
    }

    /// Encoding names compare without regard to case (RFC 4855).
    package func isNamed(_ name: String) -> Bool { encodingName.lowercased() == name.lowercased() }

    /// The `a=rtpmap` and, if there are parameters, `a=fmtp` of this format.
    package var attributes: [SDPAttribute] {
        let suffix = channels == 1 ? "" : "/\(channels)"
        let map = SDPAttribute("rtpmap", "\(payloadType) \(encodingName)/\(clockRate)\(suffix)")
        return [map] + (fmtp.map { [SDPAttribute("fmtp", "\(payloadType) \($0)")] } ?? [])
    }

    /// RFC 3551 section 6, as far as telephones offer them without `a=rtpmap`. G.722 has an 8 kHz clock there.
    static let statics = [
        AudioFormat(payloadType: 0, encodingName: "PCMU", clockRate: 8_000),
        AudioFormat(payloadType: 3, encodingName: "GSM", clockRate: 8_000),
        AudioFormat(payloadType: 8, encodingName: "PCMA", clockRate: 8_000),
        AudioFormat(payloadType: 9, encodingName: "G722", clockRate: 8_000),
        AudioFormat(payloadType: 13, encodingName: "CN", clockRate: 8_000),
        AudioFormat(payloadType: 18, encodingName: "G729", clockRate: 8_000),
    ]
}

/// Decimal numbers without sign, as SDP has them.
enum SDPNumber {
    /// Nil for anything but digits, and above `limit`.
    static func parse(_ text: some StringProtocol, limit: Int) -> Int? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for byte in text.utf8 {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
            guard value <= limit else { return nil }
        }
        return value
    }

    /// Saturates at the largest value; nil for anything but digits.
    static func parseSaturating(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return UInt64(text) ?? .max
    }
}

extension String {
    /// Without space and tab at both ends.
    var trimmed: String {
        var bytes = utf8[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
