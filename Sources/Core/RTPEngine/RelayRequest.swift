package import Media

/// A request of rtpengine's `ng` control protocol. A media session is one of its calls, with a participant for each
/// side: the tags `a` and `b`.
package enum RelayRequest: Hashable, Sendable {
    case ping
    /// The description of `from`; answered with one that names the port which the other side sends to.
    case offer(call: String, from: MediaSide, RelayDescription, RelayOfferOptions)
    /// The description of the side opposite to `to`, whose offer it answers; answered with the port that `to` sends to.
    case answer(call: String, to: MediaSide, RelayDescription, RelayOfferOptions)
    case query(call: String)
    case delete(call: String)
    /// What that side says is dropped, or passed on again.
    case block(call: String, from: MediaSide)
    case unblock(call: String, from: MediaSide)
    /// A key (an event code of RFC 4733, 0...15) as if that side had pressed it.
    case playDTMF(call: String, from: MediaSide, UInt8, milliseconds: Int)

    /// The dictionary that goes on the wire.
    package var message: Bencode {
        switch self {
        case .ping: Self.message("ping", [])
        case .offer(let call, let from, let description, let options):
            Self.message(
                "offer",
                [.init("from-tag", .text(from.tag)), .init("to-tag", .text(from.other.tag))]
                    + options.entries(isOffer: true, transport: options.transport),
                call: call, description)
        case .answer(let call, let to, let description, let options):
            Self.message(
                "answer",
                [.init("from-tag", .text(to.tag)), .init("to-tag", .text(to.other.tag))]
                    + options.entries(isOffer: false, transport: nil), call: call, description)
        case .query(let call): Self.message("query", [], call: call)
        case .delete(let call):
            // At once: by itself rtpengine keeps a call, and its ports, for half a minute more.
            Self.message("delete", [.init("from-tag", .text("a")), .init("delete delay", .integer(0))], call: call)
        case .block(let call, let from):
            Self.message("block media", [.init("from-tag", .text(from.tag))], call: call)
        case .unblock(let call, let from):
            Self.message("unblock media", [.init("from-tag", .text(from.tag))], call: call)
        case .playDTMF(let call, let from, let code, let milliseconds):
            Self.message(
                "play DTMF",
                [
                    .init("from-tag", .text(from.tag)), .init("code", .text(Self.key(code))),
                    .init("duration", .integer(Int64(milliseconds))),
                ], call: call)
        }
    }

    private static func message(
        _ command: String, _ entries: [Bencode.Entry], call: String? = nil, _ description: RelayDescription? = nil
    ) -> Bencode {
        var all = [Bencode.Entry("command", .text(command))] + entries
        if let call { all.append(.init("call-id", .text(call))) }
        if let description { all.append(.init("sdp", .string(description.bytes))) }
        return .dictionary(all)
    }

    /// The digits, star, pound and A to D (RFC 4733 section 3.2).
    private static func key(_ code: UInt8) -> String {
        let keys = Array("0123456789*#ABCD")
        return Int(code) < keys.count ? String(keys[Int(code)]) : "0"
    }
}

extension MediaSide {
    /// The side's tag in rtpengine's call.
    var tag: String { self == .a ? "a" : "b" }
}

/// What is said beside a description.
package struct RelayOfferOptions: Hashable, Sendable {
    /// On top of `standing`.
    package var flags: [String] = []
    /// What the answering side speaks: RTP/AVP or RTP/SAVP.
    package var transport = "RTP/AVP"
    /// `IP4` or `IP6`, of all ports.
    package var addressFamily = "IP4"
    /// Towards who answers, and towards who offers, milliseconds; nil: as it comes.
    package var ptimes: (answerer: Int, offerer: Int)? {
        get { answererPtime.flatMap { answerer in offererPtime.map { (answerer, $0) } } }
        set { (answererPtime, offererPtime) = (newValue?.answerer, newValue?.offerer) }
    }
    private var answererPtime: Int?
    private var offererPtime: Int?
    /// Everybody hears what they say.
    package var isEcho = false

    package init() {}

    /// Ports stay when a peer moves (`port-latching`); a peer behind an address translator is believed where it sends
    /// from, the signalled address first (`endpoint-learning-heuristic`), and then nobody else (`strict-source`);
    /// reports are rtpengine's own, since the streams' may be of another codec.
    static let standing = [
        "trust-address", "port-latching", "strict-source", "endpoint-learning-heuristic", "no-rtcp-attribute",
        "generate-RTCP",
    ]
    /// DSCP "expedited forwarding" (RFC 3246), as in the appliance's own sockets, shifted into the octet.
    static let typeOfService: Int64 = 46 << 2

    fileprivate func entries(isOffer: Bool, transport: String?) -> [Bencode.Entry] {
        var entries: [Bencode.Entry] = [
            .init("flags", .texts(Self.standing + flags)), .init("ICE", .text("remove")),
            .init("DTLS", .text("off")), .init("TOS", .integer(Self.typeOfService)),
            .init("address family", .text(addressFamily)),
        ]
        if let transport { entries.append(.init("transport protocol", .text(transport))) }
        if isOffer, let ptimes {
            entries.append(.init("ptime", .integer(Int64(ptimes.answerer))))
            entries.append(.init("ptime-reverse", .integer(Int64(ptimes.offerer))))
        }
        if isEcho { entries.append(.init("media echo", .text("both"))) }
        return entries
    }
}
