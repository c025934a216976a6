/// Reads WAV files (RIFF, as of Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" and the
/// WAVE_FORMAT_EXTENSIBLE addition): 16-bit PCM and G.711.
///
/// A file that ends before its data chunk says so is read as far as it goes: a power cut, or a tool that wrote into a pipe
/// and could not know the size. Chunks of other kinds are passed over wherever they are.
package enum WAVReader {
    private struct Format {
        let encoding: WAVAudio.Encoding
        let channels: Int
        let rate: Int
    }

    /// Throws with what was found and what is accepted. `limits` holds for bytes and seconds of the file.
    package static func read(_ bytes: [UInt8], limits: SoundLimits = SoundLimits()) throws(WAVError) -> WAVAudio {
        guard bytes.count <= limits.clipFileBytes else {
            throw .tooManyBytes(bytes.count, limit: limits.clipFileBytes)
        }
        try examineHeader(bytes)
        var format: Format?
        var position = 12
        while position + 8 <= bytes.count {
            let size = little32(bytes, position + 4)
            let body = position + 8..<min(bytes.count, position + 8 + size)
            switch identifier(bytes, position) {
            case "fmt ":
                guard format == nil else { throw .damaged("it has two format chunks") }
                format = try readFormat(bytes, body)
            case "data":
                guard let format else { throw .damaged("its data comes without a format chunk before it") }
                return try decode(bytes, body, format, limits)
            default: break
            }
            // Chunks begin at even places.
            position = body.lowerBound + size + size % 2
        }
        throw .damaged(format == nil ? "it has no format chunk" : "it has no data chunk")
    }

    private static func examineHeader(_ bytes: [UInt8]) throws(WAVError) {
        guard bytes.count >= 12 else { throw .notWAV(found: "only \(bytes.count) bytes long") }
        let kind = identifier(bytes, 0)
        guard kind == "RIFF" else {
            if kind == "RF64" || kind == "RIFX" || kind == "BW64" {
                throw .unsupported(found: "a WAV file of kind \(kind)")
            }
            throw .notWAV(found: likely(bytes))
        }
        guard identifier(bytes, 8) == "WAVE" else { throw .notWAV(found: "a RIFF file of another kind") }
    }

    /// What files people mistake for WAV files begin with.
    private static func likely(_ bytes: [UInt8]) -> String {
        switch identifier(bytes, 0) {
        case "OggS": return "an Ogg file"
        case "fLaC": return "a FLAC file"
        case "FORM": return "an AIFF file"
        case ".snd": return "a Sun audio file"
        default: break
        }
        if bytes.starts(with: "ID3".utf8) || (bytes[0] == 0xFF && bytes[1] & 0xE0 == 0xE0) { return "an MP3 file" }
        return identifier(bytes, 4) == "ftyp" ? "an MP4 file" : "something else"
    }

    private static func readFormat(_ bytes: [UInt8], _ body: Range<Int>) throws(WAVError) -> Format {
        guard body.count >= 16 else { throw .damaged("its format chunk has \(body.count) bytes instead of 16") }
        let at = body.lowerBound
        var tag = little16(bytes, at)
        let channels = Int(little16(bytes, at + 2))
        let rate = little32(bytes, at + 4)
        let frame = Int(little16(bytes, at + 12))
        let bits = Int(little16(bytes, at + 14))
        if tag == 0xFFFE {
            // The true tag begins the identifier of the subformat.
            guard body.count >= 26 else { throw .damaged("its extensible format chunk has \(body.count) bytes") }
            tag = little16(bytes, at + 24)
        }
        let found = "\(name(of: tag)) of \(bits) bit, \(channels) channel\(channels == 1 ? "" : "s"), \(rate) Hz"
        guard let encoding = WAVAudio.Encoding(rawValue: tag), bits == 8 * encoding.bytesPerSample,
            (1...2).contains(channels), WAVAudio.rates.contains(rate)
        else { throw .unsupported(found: found) }
        guard frame == channels * encoding.bytesPerSample else {
            throw .damaged("\(found) makes no frames of \(frame) bytes")
        }
        return Format(encoding: encoding, channels: channels, rate: rate)
    }

    private static func name(of tag: UInt16) -> String {
        switch tag {
        case 1: "PCM"
        case 2: "Microsoft ADPCM"
        case 3: "floating point"
        case 6: "A-law"
        case 7: "mu-law"
        case 0x11: "IMA ADPCM"
        case 0x31: "GSM 06.10"
        case 0x55: "MP3"
        default: "format \(tag)"
        }
    }

    private static func decode(
        _ bytes: [UInt8], _ body: Range<Int>, _ format: Format, _ limits: SoundLimits
    ) throws(WAVError) -> WAVAudio {
        let frameBytes = format.channels * format.encoding.bytesPerSample
        let frames = body.count / frameBytes
        guard frames > 0 else { throw .damaged("it holds no sound") }
        guard frames <= limits.clipSeconds * format.rate else {
            throw .tooLong(seconds: (frames + format.rate - 1) / format.rate, limit: limits.clipSeconds)
        }
        let first = body.lowerBound
        let count = frames * format.channels
        let samples = [Int16](unsafeUninitializedCapacity: count) { samples, initialized in
            bytes.withUnsafeBufferPointer { bytes in
                var index = 0
                while index < count {
                    let sample =
                        switch format.encoding {
                        case .pcm:
                            Int16(
                                bitPattern: UInt16(bytes[first + 2 * index]) | UInt16(bytes[first + 2 * index + 1]) << 8
                            )
                        case .aLaw: G711.decodeALaw(bytes[first + index])
                        case .muLaw: G711.decodeMuLaw(bytes[first + index])
                        }
                    samples.initializeElement(at: index, to: sample)
                    index += 1
                }
            }
            initialized = count
        }
        return WAVAudio(encoding: format.encoding, rate: format.rate, channels: format.channels, samples: samples)
    }

    private static func identifier(_ bytes: [UInt8], _ at: Int) -> String {
        String(decoding: bytes[at..<at + 4], as: UTF8.self)
    }

    private static func little16(_ bytes: [UInt8], _ at: Int) -> UInt16 {
        UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
    }

    private static func little32(_ bytes: [UInt8], _ at: Int) -> Int {
        Int(little16(bytes, at)) | Int(little16(bytes, at + 2)) << 16
    }
}
