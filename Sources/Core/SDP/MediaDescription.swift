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
    /// True when the section's own `c=` names a host, which is not resolved here: then the session's does not count.
    package internal(set) var namesHost = false
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
        let parts = map.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Substring($0) }
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
            guard let value = attribute.value, let space = value.utf8.firstIndex(of: 0x20),
                SDPNumber.parse(value[..<space], limit: 127) == Int(payloadType)
            else { continue }
            let meaning = String(value[space...]).trimmed
            if !meaning.isEmpty { return meaning }
        }
        return nil
    }
}
