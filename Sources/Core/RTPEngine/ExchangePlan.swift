package import Media
import Primitives
import RTP
import SDP

/// The requests that make rtpengine (of Debian 12: 10.5) carry media between two described sides.
///
/// Its protocol is made for a proxy that hands on what two telephones say to each other, while here each telephone has
/// agreed with us alone. Three things follow, found by reading its source and by experiment:
///
/// - It takes no payload type from an answer that it has not offered itself, and numbers what it offers from 96 on,
///   past those that the offer has. So an offer that leads to transcoding lists empty formats (`x-unused`) for the
///   numbers that the answering side does not use. Where numbers of both sides collide, keys pressed may not arrive as
///   telephone events, while speech always does (`offerer`).
/// - It draws its own SRTP keys, except when the offer lists a key of the same suite: that one it copies into its
///   description for the answering side, and uses it if the answer chooses its tag. So each protected side is first
///   made the answerer of an exchange whose offer has our key for it, and the last exchange repeats what is in force.
/// - Directions in descriptions do not stop media; `block media` does.
package struct ExchangePlan {
    /// A call's two descriptions, and what more is wanted.
    package struct Wish: Hashable, Sendable {
        package var a: MediaStreamDescription
        /// nil: nobody is there (echo).
        package var b: MediaStreamDescription?
        package var isEcho = false
        /// Keys are to be pressed by us. rtpengine can do that only while it decodes.
        package var injectsEvents = false

        package init(a: MediaStreamDescription, b: MediaStreamDescription?) {
            self.a = a
            self.b = b
        }

        subscript(side: MediaSide) -> MediaStreamDescription? { side == .a ? a : b }
    }

    let call: String
    let wish: Wish
    let isV4: Bool

    package init(call: String, wish: Wish, isV4: Bool) {
        self.call = call
        self.wish = wish
        self.isV4 = isV4
    }

    /// Offers and answers in turn, one after the other's success.
    package var requests: [RelayRequest] {
        let offerer = self.offerer
        var requests: [RelayRequest] = []
        if isProtected(offerer) {
            requests += exchange(offeredBy: offerer.other, isPriming: true)
        } else if isProtected(offerer.other) {
            requests += exchange(offeredBy: offerer, isPriming: true)
        }
        return requests + exchange(offeredBy: offerer, isPriming: false)
    }

    // MARK: Who offers

    /// Who offers in the exchange that counts: a side whose payload type is fixed, so that the other one's can be met.
    var offerer: MediaSide {
        guard let b = wish.b, !isRelay else { return .a }
        let a = wish.a
        let first: MediaSide =
            if (a.codec == .opus) != (b.codec == .opus) {
                a.codec == .opus ? .b : .a
            } else {
                a.payloadType >= b.payloadType ? .a : .b
            }
        let (offer, answer) = first == .a ? (a, b) : (b, a)
        return answer.payloadType == offer.telephoneEventPayloadType ? first.other : first
    }

    /// Packets can pass as they are.
    private var isRelay: Bool {
        guard let b = wish.b, !wish.injectsEvents else { return !wish.injectsEvents }
        let a = wish.a
        guard a.codec == b.codec, a.payloadType == b.payloadType, a.ptime == b.ptime,
            a.receivePayloadType == b.receivePayloadType
        else { return false }
        // Events of another clock cannot be translated, and are not worth transcoding the speech.
        return a.telephoneEventPayloadType == nil || b.telephoneEventPayloadType == nil
            || a.telephoneEventPayloadType == b.telephoneEventPayloadType
            || a.telephoneEventClockRate != b.telephoneEventClockRate
    }

    private func isProtected(_ side: MediaSide) -> Bool { wish[side]?.sendKey != nil }

    // MARK: One exchange

    /// - Parameter isPriming: it is for the key of who answers; who offers is taken for protected, too.
    private func exchange(offeredBy offerer: MediaSide, isPriming: Bool) -> [RelayRequest] {
        let answerer = offerer.other
        var options = RelayOfferOptions()
        options.addressFamily = isV4 ? "IP4" : "IP6"
        options.isEcho = wish.isEcho
        options.transport = isProtected(answerer) ? "RTP/SAVP" : "RTP/AVP"
        if wish.injectsEvents { options.flags.append("inject-DTMF") }
        var answering = options
        // The suites of what is in force stay; without it an answer looks for a suite that both sides have.
        answering.flags.append("SDES-static")
        var spare: [UInt8] = []
        if !isRelay, let offered = wish[offerer], let answered = wish[answerer] {
            let codecs = CodecOptions(offered: offered, answered: answered)
            options.flags += codecs.flags
            spare = codecs.spare
            if offered.ptime != answered.ptime {
                options.ptimes = (Self.milliseconds(answered.ptime), Self.milliseconds(offered.ptime))
            }
        }
        var offerKeys: [(tag: Int, key: SRTPMasterKey)] = []
        if let key = wish[offerer]?.receiveKey, isProtected(offerer) { offerKeys.append((Self.tag(offerer), key)) }
        if let key = wish[answerer]?.sendKey, isProtected(offerer) || isPriming {
            offerKeys.append((Self.tag(answerer), key))
        }
        var answerKeys: [(tag: Int, key: SRTPMasterKey)] = []
        if let key = wish[answerer]?.receiveKey { answerKeys.append((Self.tag(answerer), key)) }
        let offer = description(of: offerer, spare: spare, isProtected: !offerKeys.isEmpty, keys: offerKeys)
        let answer = description(of: answerer, spare: [], isProtected: isProtected(answerer), keys: answerKeys)
        return [
            .offer(call: call, from: offerer, offer, options), .answer(call: call, to: offerer, answer, answering),
        ]
    }

    /// A tag for each side, always the same: rtpengine drops a key in force when the tag of the side's own one changes.
    private static func tag(_ side: MediaSide) -> Int { side == .a ? 2 : 1 }

    private func description(
        of side: MediaSide, spare: [UInt8], isProtected: Bool, keys: [(tag: Int, key: SRTPMasterKey)]
    ) -> RelayDescription {
        guard let stream = wish[side] else {
            let other = wish[side.other]
            return .unknown(
                isV4: isV4, format: AudioFormatName(other?.codec ?? .pcmu).format(other?.payloadType ?? 0))
        }
        var formats = [AudioFormatName(stream.codec).format(stream.payloadType)]
        if stream.receivePayloadType != stream.payloadType {
            formats.append(AudioFormatName(stream.codec).format(stream.receivePayloadType))
        }
        if let events = stream.telephoneEventPayloadType {
            formats.append(
                AudioFormat(
                    payloadType: events, encodingName: "telephone-event", clockRate: stream.telephoneEventClockRate,
                    fmtp: "0-15"))
        }
        formats += spare.map { AudioFormat(payloadType: $0, encodingName: "x-unused\($0)", clockRate: 8_000) }
        return RelayDescription(
            remote: stream.remote, rtcp: stream.remoteRTCP, isV4: isV4, formats: formats,
            ptime: Self.milliseconds(stream.ptime), isProtected: isProtected, keys: keys)
    }

    private static func milliseconds(_ ptime: Duration) -> Int { Int(clamping: ptime.wholeMilliseconds) }
}

/// How rtpengine is led to transcode from one side's formats to the other's.
struct CodecOptions {
    private(set) var flags: [String] = ["codec-mask-full"]
    /// Numbers that the offer takes up, so that rtpengine gives those of the answering side to what it adds.
    private(set) var spare: [UInt8] = []

    init(offered: MediaStreamDescription, answered: MediaStreamDescription) {
        var wanted: [(number: UInt8, option: String)] = [
            (answered.payloadType, AudioFormatName(answered.codec).option)
        ]
        let hasSameEvents =
            offered.telephoneEventPayloadType == answered.telephoneEventPayloadType
            && offered.telephoneEventClockRate == answered.telephoneEventClockRate
        if let events = answered.telephoneEventPayloadType {
            if hasSameEvents, offered.codec != .opus {
                flags.append("codec-except-telephone-event")
            } else {
                wanted.append((events, "telephone-event/\(answered.telephoneEventClockRate)"))
            }
        }
        // In the order of the numbers, since they are given out from 96 on.
        wanted.sort { $0.number < $1.number }
        flags += wanted.map { "codec-transcode-\($0.option)" }
        if offered.codec == .opus { flags.append("codec-set-\(AudioFormatName(.opus).option)") }
        guard let last = wanted.last?.number, last > 96 else { return }
        var taken = Set(wanted.map(\.number))
        taken.insert(offered.payloadType)
        taken.insert(offered.receivePayloadType)
        if let events = offered.telephoneEventPayloadType { taken.insert(events) }
        spare = (96..<min(last, 128)).filter { !taken.contains($0) }
    }
}
