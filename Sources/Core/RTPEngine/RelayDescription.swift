import Media
import Primitives
import RTP
import SDP

/// What rtpengine is told about a side: a session description with one stream.
package struct RelayDescription: Hashable, Sendable, CustomStringConvertible {
    /// Keys are in it.
    let bytes: [UInt8]

    /// A side of which nothing is known yet: it has a codec, and neither sends nor takes anything.
    package static func unknown(isV4: Bool) -> RelayDescription {
        unknown(isV4: isV4, format: AudioFormatName(.pcmu).format(0))
    }

    static func unknown(isV4: Bool, format: AudioFormat) -> RelayDescription {
        RelayDescription(
            remote: nil, rtcp: nil, isV4: isV4, formats: [format], ptime: nil, isProtected: false, keys: [])
    }

    /// - Parameters:
    ///   - formats: what the side takes, the one to be sent first.
    ///   - keys: what its packets are protected with, under the tags that an answer may choose.
    init(
        remote: Endpoint?, rtcp: Endpoint?, isV4: Bool, formats: [AudioFormat], ptime: Int?, isProtected: Bool,
        keys: [(tag: Int, key: SRTPMasterKey)]
    ) {
        let unspecified: IPAddress = isV4 ? .v4(0) : .v6(0, 0)
        let address = remote?.address ?? unspecified
        var section = MediaDescription(
            // Port 0 would end the stream, and its ports with it; nothing is sent to an unspecified address.
            kind: "audio", port: remote?.port ?? 9, proto: isProtected ? "RTP/SAVP" : "RTP/AVP",
            formats: formats.map { "\($0.payloadType)" })
        section.attributes = formats.flatMap(\.attributes)
        if let rtcp {
            let family = rtcp.address.isV4 ? "IP4" : "IP6"
            section.attributes.append(SDPAttribute("rtcp", "\(rtcp.port) IN \(family) \(rtcp.address)"))
        }
        if let ptime { section.attributes.append(SDPAttribute("ptime", "\(ptime)")) }
        for (tag, key) in keys {
            let attribute = CryptoAttribute(
                tag: tag, suite: key.suite.rawValue, keys: [.init(keyAndSalt: key.keyAndSalt)])
            section.attributes.append(attribute.attribute)
        }
        section.attributes.append(SDPAttribute(remote == nil ? "inactive" : "sendrecv"))
        let origin = SessionDescription.Origin(sessionID: 1, sessionVersion: 1, address: "\(address)")
        bytes = SessionDescription(origin: origin, connection: address, media: [section]).serialised()
    }

    package var description: String { "<description with keys>" }

    /// The port in a description of rtpengine's; nil: none. Only `m=` is looked at: of a side to which nothing
    /// can be passed on, it lists no formats, which is no session description.
    static func port(in bytes: [UInt8]) -> UInt16? {
        let lines = bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D })
        guard let line = lines.first(where: { $0.starts(with: "m=".utf8) }) else { return nil }
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count >= 3, let port = UInt16(String(decoding: words[1], as: UTF8.self)), port > 0 else {
            return nil
        }
        return port
    }
}

/// A codec as rtpengine's options name it.
struct AudioFormatName: Hashable, Sendable {
    /// Of transcoded Opus, bits per second.
    static let opusBitRate = 24_000
    let codec: AudioCodec

    init(_ codec: AudioCodec) { self.codec = codec }

    /// `opus/48000/2/24000`, `PCMU/8000`.
    var option: String {
        codec == .opus
            ? "opus/48000/2/\(Self.opusBitRate)" : "\(codec.rawValue)/\(codec.clockRate)"
    }

    func format(_ payloadType: UInt8) -> AudioFormat {
        AudioFormat(
            payloadType: payloadType, encodingName: codec.rawValue, clockRate: codec.clockRate, channels: codec.channels
        )
    }
}
