/// What a receiver of Opus says it can make use of, and what its sender may send (RFC 7587 section 6.1): `a=fmtp` as a
/// value. A parameter that is absent or malformed has its default; one out of range is drawn in.
package struct OpusParameters: Hashable, Sendable {
    package static let rates = 8_000...48_000
    package static let bitrates = 6_000...510_000
    /// Milliseconds that `minptime` may ask for.
    package static let packetTimes = 3...120
    private static let parametersAtMost = 32

    /// Hz up to which the receiver can play: what lies above half of it is not worth sending.
    package var maxPlaybackRate = 48_000
    /// Bits per second that the receiver wants at most, on average; nil: as the sender likes.
    package var maxAverageBitrate: Int?
    /// The receiver can restore lost frames from those behind them.
    package var usesInBandFEC = false
    /// The receiver would rather get nothing in pauses.
    package var usesDTX = false
    /// The receiver would rather get a constant bit rate.
    package var isConstantBitrate = false
    /// The receiver would rather get two channels.
    package var prefersStereo = false
    /// Hz that the sender of this description samples at: half of it is all that comes from there.
    package var maxCaptureRate = 48_000
    /// The sender of this description is likely to send two channels.
    package var sendsStereo = false
    /// Milliseconds that a packet should last at least.
    package var minPacketTime = 3

    /// All defaults.
    package init() {}

    /// What we say when nothing else is known.
    package static var ours: OpusParameters {
        var parameters = OpusParameters()
        parameters.usesInBandFEC = true
        return parameters
    }

    /// Reads format parameters; nil is none.
    package init(fmtp: String?) {
        var known: [Substring] = []
        let parts = (fmtp ?? "").split(separator: ";", maxSplits: Self.parametersAtMost)
        for part in parts.prefix(Self.parametersAtMost) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            let name = Substring(Self.trimmed(pair[0]).lowercased())
            guard !known.contains(name) else { continue }
            known.append(name)
            take(name, Self.number(Self.trimmed(pair[1])))
        }
    }

    private mutating func take(_ name: Substring, _ value: Int?) {
        guard let value else { return }
        let flag: Bool? = value == 0 ? false : value == 1 ? true : nil
        switch name {
        case "maxplaybackrate": if value > 0 { maxPlaybackRate = Self.bounded(value, Self.rates) }
        case "sprop-maxcapturerate": if value > 0 { maxCaptureRate = Self.bounded(value, Self.rates) }
        case "maxaveragebitrate": if value > 0 { maxAverageBitrate = Self.bounded(value, Self.bitrates) }
        case "minptime": if value > 0 { minPacketTime = Self.bounded(value, Self.packetTimes) }
        case "useinbandfec": usesInBandFEC = flag ?? usesInBandFEC
        case "usedtx": usesDTX = flag ?? usesDTX
        case "cbr": isConstantBitrate = flag ?? isConstantBitrate
        case "stereo": prefersStereo = flag ?? prefersStereo
        case "sprop-stereo": sendsStereo = flag ?? sendsStereo
        default: break
        }
    }

    /// As format parameters; nil when all are defaults.
    package var fmtp: String? {
        let defaults = OpusParameters()
        var parts: [String] = []
        if usesInBandFEC { parts.append("useinbandfec=1") }
        if maxPlaybackRate != defaults.maxPlaybackRate { parts.append("maxplaybackrate=\(maxPlaybackRate)") }
        if maxCaptureRate != defaults.maxCaptureRate { parts.append("sprop-maxcapturerate=\(maxCaptureRate)") }
        if let maxAverageBitrate { parts.append("maxaveragebitrate=\(maxAverageBitrate)") }
        if usesDTX { parts.append("usedtx=1") }
        if isConstantBitrate { parts.append("cbr=1") }
        if prefersStereo { parts.append("stereo=1") }
        if sendsStereo { parts.append("sprop-stereo=1") }
        if minPacketTime != defaults.minPacketTime { parts.append("minptime=\(minPacketTime)") }
        return parts.isEmpty ? nil : parts.joined(separator: ";")
    }

    /// The rate of samples that is enough to encode what this receiver can play, or to decode what this sender sends.
    static func sampleRate(_ rate: Int) -> Int { rate < 16_000 ? 8_000 : rate < 48_000 ? 16_000 : 48_000 }

    private static func bounded(_ value: Int, _ range: ClosedRange<Int>) -> Int {
        min(max(value, range.lowerBound), range.upperBound)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let front = text.drop(while: isSpace)
        return front.lastIndex { !isSpace($0) }.map { front[...$0] } ?? ""
    }

    /// A whole number without a sign, of nine digits at most.
    private static func number(_ text: Substring) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
