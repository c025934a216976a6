package import Primitives

/// A session description (RFC 8866): what signalling needs of it, read leniently and written strictly.
///
/// Lines that nothing here needs (i=, u=, e=, p=, b=, r=, z=, k=) are skipped when read and not written again.
package struct SessionDescription: Sendable, Hashable {
    /// The `o=` line; network type is always `IN`.
    package struct Origin: Sendable, Hashable {
        package var username: String
        /// Saturates at the largest value when read.
        package var sessionID: UInt64
        /// Grows by one with each change (RFC 3264 section 8).
        package var sessionVersion: UInt64
        /// Address or host name.
        package var address: String

        package init(username: String = "-", sessionID: UInt64, sessionVersion: UInt64, address: String) {
            self.username = username
            self.sessionID = sessionID
            self.sessionVersion = sessionVersion
            self.address = address
        }
    }

    package var origin: Origin
    /// `-` when there is nothing to say.
    package var name: String
    /// The session's address; nil when there is none or it is a host name (nothing is resolved here).
    package var connection: IPAddress?
    /// The value of the first `t=` line; an answer repeats that of its offer (RFC 3264 section 6).
    package var timing: String
    package var attributes: [SDPAttribute]
    package var media: [MediaDescription]

    package init(
        origin: Origin, name: String = "-", connection: IPAddress? = nil, timing: String = "0 0",
        attributes: [SDPAttribute] = [], media: [MediaDescription] = []
    ) {
        self.origin = origin
        self.name = name
        self.connection = connection
        self.timing = timing
        self.attributes = attributes
        self.media = media
    }

    /// The address of a section: its own, else the session's; nil when there is none, or a host name.
    package func connection(of media: MediaDescription) -> IPAddress? {
        media.connection ?? (media.namesHost ? nil : connection)
    }

    /// The direction of a section: its own, else the session's, else `sendrecv`.
    package func direction(of media: MediaDescription) -> MediaDirection {
        media.direction ?? attributes.lazy.compactMap { MediaDirection(rawValue: $0.name) }.first ?? .sendrecv
    }
}

extension SessionDescription {
    /// The description as it goes on the wire. Line breaks in any value become spaces.
    package func serialised() -> [UInt8] {
        var bytes: [UInt8] = []
        func line(_ letter: Character, _ value: String) {
            bytes += "\(letter)=".utf8
            for byte in value.utf8 { bytes.append(byte == 0x0D || byte == 0x0A || byte == 0 ? 0x20 : byte) }
            bytes += [0x0D, 0x0A]
        }
        func lines(_ attributes: [SDPAttribute]) {
            for attribute in attributes { line("a", attribute.name + (attribute.value.map { ":" + $0 } ?? "")) }
        }
        let family = IPAddress(origin.address)?.isV4 == false ? "IP6" : "IP4"
        let user = origin.username.isEmpty ? "-" : origin.username
        line("v", "0")
        line("o", "\(user) \(origin.sessionID) \(origin.sessionVersion) IN \(family) \(origin.address)")
        line("s", name.isEmpty ? "-" : name)
        if let connection { line("c", Self.text(connection)) }
        line("t", timing)
        lines(attributes)
        for section in media {
            line("m", "\(section.kind) \(section.port) \(section.proto) \(section.formats.joined(separator: " "))")
            if let connection = section.connection { line("c", Self.text(connection)) }
            lines(section.attributes)
        }
        return bytes
    }

    private static func text(_ address: IPAddress) -> String { "IN \(address.isV4 ? "IP4" : "IP6") \(address)" }
}
