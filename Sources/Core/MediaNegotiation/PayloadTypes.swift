import Media
import SDP

/// Which payload type stands for what in descriptions of ours.
enum PayloadTypes {
    /// The dynamic payload types (RFC 3551 section 3).
    private static let dynamic: ClosedRange<UInt8> = 96...127
    // What we offer where they are free.
    private static let opus: UInt8 = 96
    private static let narrowbandEvent: UInt8 = 101
    private static let widebandEvent: UInt8 = 102
    /// The clocks of telephone-event that we speak.
    static let eventClockRates = [8_000, 48_000]

    /// The formats of an offer. Those that `previous` has keep their payload types, and no other takes one of its; a
    /// format that finds none free is left out.
    static func formats(_ local: LocalMedia, keeping previous: MediaDescription?) -> [AudioFormat] {
        let known = previous?.audioFormats ?? []
        var taken = known.map(\.payloadType)
        func payloadType(_ preferred: UInt8, _ isSame: (AudioFormat) -> Bool) -> UInt8? {
            if let same = known.first(where: isSame) { return same.payloadType }
            let free = (Array(preferred...dynamic.upperBound) + Array(dynamic.lowerBound..<preferred))
                .first { !taken.contains($0) }
            guard let candidate = free else { return nil }
            taken.append(candidate)
            return candidate
        }
        var formats: [AudioFormat] = []
        for codec in local.codecs {
            guard let type = codec.staticPayloadType ?? payloadType(opus, { matches($0, codec) }) else { continue }
            formats.append(format(codec, type, local.opus))
        }
        if local.comfortNoise, local.codecs.contains(where: { $0.clockRate == comfortNoise.clockRate }) {
            formats.append(comfortNoise)
        }
        guard local.telephoneEvent else { return formats }
        for (rate, preferred) in zip(eventClockRates, [narrowbandEvent, widebandEvent]) {
            guard rate == 8_000 || local.codecs.contains(where: { $0.clockRate == rate }) else { continue }
            guard let type = payloadType(preferred, { isTelephoneEvent($0, clockRate: rate) }) else { continue }
            formats.append(telephoneEvent(rate, type))
        }
        return formats
    }

    /// `opus` stands with Opus only.
    static func format(_ codec: AudioCodec, _ payloadType: UInt8, _ opus: OpusParameters) -> AudioFormat {
        AudioFormat(
            payloadType: payloadType, encodingName: codec.rawValue, clockRate: codec.clockRate,
            channels: codec.channels, fmtp: codec == .opus ? opus.fmtp : nil)
    }

    /// Under its static type, for streams with a clock of 8000 (RFC 3389 section 4).
    static let comfortNoise = AudioFormat(
        payloadType: ComfortNoise.payloadType, encodingName: "CN", clockRate: 8_000)

    static func isComfortNoise(_ format: AudioFormat) -> Bool {
        format.payloadType == comfortNoise.payloadType && format.isNamed(comfortNoise.encodingName)
            && format.clockRate == comfortNoise.clockRate
    }

    /// The events 0 to 15: digits, star, pound, A to D (RFC 4733 section 2.5.1.1).
    static func telephoneEvent(_ clockRate: Int, _ payloadType: UInt8) -> AudioFormat {
        AudioFormat(payloadType: payloadType, encodingName: "telephone-event", clockRate: clockRate, fmtp: "0-15")
    }

    static func isTelephoneEvent(_ format: AudioFormat, clockRate: Int) -> Bool {
        format.isNamed("telephone-event") && format.clockRate == clockRate
    }

    static func matches(_ format: AudioFormat, _ codec: AudioCodec) -> Bool {
        format.isNamed(codec.rawValue) && format.clockRate == codec.clockRate && format.channels == codec.channels
    }
}
