package import Media
import Primitives
package import SDP

/// Offers and answers for one audio stream (RFC 3264): pure functions, the state is the descriptions themselves.
package enum AudioNegotiation {
    /// Whose order of codecs decides an answer.
    package enum Preference: Sendable { case offerer, local }

    /// Our offer: each codec, and telephone-event with the clock of each (RFC 4733 section 2.1), always with 8000 Hz
    /// too, which is all that many telephones know.
    ///
    /// Within a session, `previous` is the last description we sent: its number of sections, the place of its audio and
    /// its payload types are kept, as RFC 3264 section 8 demands.
    package static func offer(_ local: LocalMedia, following previous: SessionDescription? = nil) -> SessionDescription
    {
        let sections = previous?.media ?? []
        let index = sections.firstIndex(where: isUsable)
        let formats = PayloadTypes.formats(local, keeping: index.map { sections[$0] })
        let audio = section(local, proto: "RTP/AVP", formats: formats, direction: local.direction)
        var media = sections.map(rejected)
        if let index { media[index] = audio } else { media.append(audio) }
        return description(local, media: media, timing: previous?.timing ?? "0 0")
    }

    /// Our answer to an offer, and what it means for the media: the first codec of the offerer's order (or ours) that
    /// both speak, with the telephone-event of its clock or else of another; every other section is turned down.
    ///
    /// The payload types are the offer's, both ways (RFC 3264 section 6.1).
    package static func answer(
        offer: SessionDescription, local: LocalMedia, preference: Preference = .offerer
    ) throws(NegotiationError) -> (answer: SessionDescription, stream: MediaStreamDescription) {
        guard let index = offer.media.firstIndex(where: isUsable) else { throw .noAudio }
        let offered = offer.media[index]
        let formats = offered.audioFormats
        guard let (codec, format) = common(formats, local.codecs, preference) else {
            throw .noCommonCodec(offered: names(formats))
        }
        let event = local.telephoneEvent ? telephoneEvent(in: formats, for: codec) : nil
        let stream = try stream(offered, in: offer, local: local, codec: codec, format: format, event: event)
        let answered =
            [PayloadTypes.format(codec, format.payloadType)]
            + (event.map { [PayloadTypes.telephoneEvent($0.clockRate, $0.payloadType)] } ?? [])
        var media = offer.media.map(rejected)
        media[index] = section(
            local, proto: offered.proto, formats: answered,
            direction: MediaDirection(sends: stream.sends, receives: stream.receives))
        return (description(local, media: media, timing: offer.timing), stream)
    }

    /// What the answer to an offer of ours means for the media: we send under the answer's payload types and receive
    /// under the offer's (RFC 3264 section 6.1).
    ///
    /// `offer` is what was sent, if it was not `offer(local)`; a payload type that the answer does not explain has the
    /// meaning it has there.
    package static func accept(
        answer: SessionDescription, local: LocalMedia, offer sent: SessionDescription? = nil
    ) throws(NegotiationError) -> MediaStreamDescription {
        guard let index = answer.media.firstIndex(where: isUsable) else { throw .noAudio }
        let answered = answer.media[index]
        let offer = sent ?? offer(local)
        let offered = offer.media.indices.contains(index) ? offer.media[index] : offer.media.first(where: isUsable)
        let formats = answered.formats.compactMap { answered.audioFormat($0) ?? offered?.audioFormat($0) }
        guard let (codec, format) = common(formats, local.codecs, .offerer) else {
            throw .noCommonCodec(offered: names(formats))
        }
        let event = local.telephoneEvent ? telephoneEvent(in: formats, for: codec) : nil
        var result = try stream(answered, in: answer, local: local, codec: codec, format: format, event: event)
        let ours = offered?.audioFormats ?? []
        if let same = ours.first(where: { PayloadTypes.matches($0, codec) }) {
            result.receivePayloadType = same.payloadType
        }
        if let event, let same = ours.first(where: { PayloadTypes.isTelephoneEvent($0, clockRate: event.clockRate) }) {
            result.telephoneEventReceivePayloadType = same.payloadType
        }
        return result
    }
}

extension AudioNegotiation {
    /// Audio over plain RTP that is not turned down.
    private static func isUsable(_ media: MediaDescription) -> Bool {
        media.kind.lowercased() == "audio" && media.port != 0 && ["RTP/AVP", "RTP/AVPF"].contains(media.proto)
    }

    private static func rejected(_ media: MediaDescription) -> MediaDescription {
        MediaDescription(kind: media.kind, port: 0, proto: media.proto, formats: media.formats)
    }

    private static func common(
        _ formats: [AudioFormat], _ codecs: [AudioCodec], _ preference: Preference
    ) -> (AudioCodec, AudioFormat)? {
        switch preference {
        case .offerer:
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
        formats.map(\.encodingName).filter { $0.lowercased() != "telephone-event" }
    }

    /// `remote` is the peer's section within `description`.
    private static func stream(
        _ remote: MediaDescription, in description: SessionDescription, local: LocalMedia, codec: AudioCodec,
        format: AudioFormat, event: AudioFormat?
    ) throws(NegotiationError) -> MediaStreamDescription {
        guard let address = description.connection(of: remote) else { throw .noAddress }
        // c=0.0.0.0 is how RFC 2543 said "hold": nothing is to be sent there.
        let theirs = description.direction(of: remote)
            .intersection(address.isUnspecified ? .sendonly : .sendrecv)
        let ours = theirs.reversed.intersection(local.direction)
        var rtcp: Endpoint?
        if let port = remote.rtcpPort, port != 0 {
            rtcp = Endpoint(address: remote.rtcpAddress ?? address, port: port)
        }
        return MediaStreamDescription(
            remote: address.isUnspecified ? nil : Endpoint(address: address, port: remote.port),
            remoteRTCP: address.isUnspecified ? nil : rtcp, codec: codec, payloadType: format.payloadType,
            telephoneEventPayloadType: event?.payloadType, telephoneEventClockRate: event?.clockRate,
            ptime: PacketTime.chosen(codec, wished: remote.ptime, longest: remote.maxptime, fallback: local.ptime),
            sends: ours.sends, receives: ours.receives)
    }

    private static func section(
        _ local: LocalMedia, proto: String, formats: [AudioFormat], direction: MediaDirection
    ) -> MediaDescription {
        let ptime = local.ptime.wholeMilliseconds
        return MediaDescription(
            kind: "audio", port: local.port, proto: proto, formats: formats.map { "\($0.payloadType)" },
            attributes: formats.flatMap(\.attributes)
                + [SDPAttribute("ptime", "\(ptime)"), SDPAttribute(direction.rawValue)])
    }

    private static func description(
        _ local: LocalMedia, media: [MediaDescription], timing: String
    ) -> SessionDescription {
        SessionDescription(
            origin: .init(
                sessionID: local.sessionID, sessionVersion: local.sessionVersion, address: "\(local.address)"),
            connection: local.address, timing: timing, media: media)
    }
}
