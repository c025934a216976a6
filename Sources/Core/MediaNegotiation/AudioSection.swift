import Media
import Primitives
import RTP
import SDP

/// One audio section: what can be agreed on in a peer's, and how ours are written.
enum AudioSection {
    /// How both sides protect the stream.
    enum Protection {
        case plain
        case sdes(CryptoChoice)
        case dtls(DTLSChoice)

        /// What our answer says about it.
        var attributes: [SDPAttribute] {
            switch self {
            case .plain: []
            case .sdes(let choice): [CryptoChoice.attribute(tag: choice.tag, choice.sendKey)]
            case .dtls(let choice): choice.attributes
            }
        }
    }

    /// What both sides speak in a section of the peer's.
    struct Agreement {
        let codec: AudioCodec
        let format: AudioFormat
        let event: AudioFormat?
        let comfortNoise: Bool
        let protection: Protection
        /// Where the peer receives RTP; nil on hold in the style of RFC 2543, and when it names a place that cannot be
        /// its own: then nothing is sent before its packets have shown where it is.
        let remote: Endpoint?
        let remoteRTCP: Endpoint?
        /// Of the peer.
        let direction: MediaDirection
        let ptime: Int?
        let maxptime: Int?

        /// With the peer's payload types both ways.
        func stream(_ local: LocalMedia) -> MediaStreamDescription {
            let ours = direction.reversed.intersection(local.direction)
            let opus = codec == .opus ? OpusParameters(fmtp: format.fmtp) : nil
            var result = MediaStreamDescription(
                remote: remote, remoteRTCP: remoteRTCP, codec: codec, payloadType: format.payloadType,
                telephoneEventPayloadType: event?.payloadType, telephoneEventClockRate: event?.clockRate,
                ptime: PacketTime.chosen(
                    codec, wished: ptime, shortest: opus?.minPacketTime, longest: maxptime, fallback: local.ptime),
                sends: ours.sends, receives: ours.receives)
            result.opus = opus
            result.comfortNoise = comfortNoise
            switch protection {
            case .plain: break
            case .sdes(let choice): (result.sendKey, result.receiveKey) = (choice.sendKey, choice.receiveKey)
            case .dtls(let choice): (result.keyAgreement, result.isRTCPMultiplexed) = (choice.parameters, true)
            }
            return result
        }
    }

    /// What can be agreed on in `section` of `description`, which is an offer, or the answer to `offered`.
    static func agree(
        _ section: MediaDescription, in description: SessionDescription, local: LocalMedia,
        preference: AudioNegotiation.Preference, explainedBy offered: MediaDescription? = nil
    ) throws(NegotiationError) -> Agreement {
        guard section.port != 0 else { throw .noAudio }
        let protection = try protection(section, in: description, local.security, offered: offered)
        let formats = section.formats.compactMap { section.audioFormat($0) ?? offered?.audioFormat($0) }
        guard let (codec, format) = common(formats, local.codecs, preference) else {
            throw .noCommonCodec(offered: names(formats))
        }
        guard let address = description.connection(of: section) else { throw .noAddress }
        guard !address.isMulticast else { throw .multicast }
        guard address.isUnspecified || address.isV4 == local.address.isV4 else { throw .otherAddressFamily }
        let isPlace = !address.isUnspecified && address.isPlace(ofPeerOf: local.address)
        return Agreement(
            codec: codec, format: format, event: local.telephoneEvent ? telephoneEvent(in: formats, for: codec) : nil,
            comfortNoise: local.comfortNoise && codec.clockRate == PayloadTypes.comfortNoise.clockRate
                && formats.contains(where: PayloadTypes.isComfortNoise),
            protection: protection,
            remote: isPlace ? Endpoint(address: address, port: section.port) : nil,
            remoteRTCP: isPlace ? rtcp(section, address: address, local: local.address) : nil,
            // c=0.0.0.0 is how RFC 2543 said "hold": nothing is to be sent there.
            direction: description.direction(of: section).intersection(address.isUnspecified ? .sendonly : .sendrecv),
            ptime: section.ptime, maxptime: section.maxptime)
    }

    /// Of what a protected section has, the first that we take. Throws when the leg's policy has it otherwise.
    private static func protection(
        _ section: MediaDescription, in description: SessionDescription, _ security: LegSecurity,
        offered: MediaDescription?
    ) throws(NegotiationError) -> Protection {
        if section.isPlainProfile {
            guard security.takesPlain else { throw .unsupportedProfile(section.proto) }
            return .plain
        }
        guard section.isSecureProfile && security.takesProtected || section.isDTLSProfile && security.takesDTLS else {
            throw .unsupportedProfile(section.proto)
        }
        if let offered {
            if offered.has("fingerprint") { return .dtls(try DTLSChoice.answered(section, in: description, security)) }
            guard let choice = CryptoChoice.answered(section, offer: offered) else { throw .noCommonCrypto }
            return .sdes(choice)
        }
        for keying in security.keying {
            switch keying {
            case .sdes:
                guard section.isSecureProfile else { continue }
                if let choice = CryptoChoice.strongest(of: section, security) { return .sdes(choice) }
            case .dtls:
                guard security.takesDTLS, section.isDTLSProfile || description.hasFingerprint(section) else { continue }
                return .dtls(try DTLSChoice.answering(section, in: description, security))
            }
        }
        throw .noCommonCrypto
    }

    private static func rtcp(_ section: MediaDescription, address: IPAddress, local: IPAddress) -> Endpoint? {
        guard let port = section.rtcpPort, port != 0 else { return nil }
        let own = section.rtcpAddress ?? address
        guard !own.isUnspecified, !own.isMulticast, own.isV4 == address.isV4, own.isPlace(ofPeerOf: local) else {
            return nil
        }
        return Endpoint(address: own, port: port)
    }

    private static func common(
        _ formats: [AudioFormat], _ codecs: [AudioCodec], _ preference: AudioNegotiation.Preference
    ) -> (AudioCodec, AudioFormat)? {
        switch preference {
        case .codec(let codec) where codecs.contains(codec):
            let same = formats.first { PayloadTypes.matches($0, codec) }
            if let same { return (codec, same) }
            return common(formats, codecs, .offerer)
        case .offerer, .codec:
            for format in formats {
                if let codec = codecs.first(where: { PayloadTypes.matches(format, $0) }) { return (codec, format) }
            }
        case .local:
            for codec in codecs {
                if let format = formats.first(where: { PayloadTypes.matches($0, codec) }) { return (codec, format) }
            }
        }
        return nil
    }

    /// That of the codec's own clock if there is one, because an event shares the timestamps of its stream; else one of
    /// another clock, which telephones that know only telephone-event/8000 pair with Opus.
    private static func telephoneEvent(in formats: [AudioFormat], for codec: AudioCodec) -> AudioFormat? {
        for clockRate in [codec.clockRate] + PayloadTypes.eventClockRates {
            let same = formats.first { PayloadTypes.isTelephoneEvent($0, clockRate: clockRate) }
            if let same { return same }
        }
        return nil
    }

    private static func names(_ formats: [AudioFormat]) -> [String] {
        formats.map(\.encodingName).filter { !["telephone-event", "cn"].contains($0.lowercased()) }
    }

    /// A section of ours, without keys.
    static func make(
        _ local: LocalMedia, proto: String, formats: [AudioFormat], direction: MediaDirection
    ) -> MediaDescription {
        let ptime = local.ptime.wholeMilliseconds
        return MediaDescription(
            kind: "audio", port: local.port, proto: proto, formats: formats.map { "\($0.payloadType)" },
            attributes: formats.flatMap(\.attributes)
                + [SDPAttribute("ptime", "\(ptime)"), SDPAttribute(direction.rawValue)])
    }

    /// The same section turned down: port 0, and nothing said about it (RFC 3264 section 6).
    static func rejected(_ media: MediaDescription) -> MediaDescription {
        MediaDescription(kind: media.kind, port: 0, proto: media.proto, formats: media.formats)
    }
}

extension IPAddress {
    /// False for the loopback network, where what runs beside us listens and no telephone of another machine does, and for
    /// 0.0.0.0/8 and 240.0.0.0/4 with the address of everybody (RFC 1122 section 3.2.1.3, RFC 1112 section 4).
    fileprivate func isPlace(ofPeerOf local: IPAddress) -> Bool {
        guard !isLoopback || local.isLoopback else { return false }
        guard case .v4(let bits) = self else { return true }
        return bits >> 24 != 0 && bits >> 28 != 0xF
    }

    /// 224.0.0.0/4 or ff00::/8.
    fileprivate var isMulticast: Bool {
        switch self {
        case .v4(let bits): bits >> 28 == 0xE
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }
}
