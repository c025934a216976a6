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
