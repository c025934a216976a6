import SIPMessage
import SIPUserAgent

/// What a message says of the session: an `application/sdp` body, alone or as a part of a multipart body (RFC 5621).
enum SessionBody {
    /// What becomes of the body of a request.
    enum Reading: Sendable, Equatable {
        /// Its session description; empty when there is none.
        case description([UInt8])
        case refused(status: Int, fields: [SIPHeaders.Field])
    }

    /// Reads a request that can be refused: with 415 what must be understood and is not, with 406 who would not take a
    /// session description in the answer, with 400 or 413 what cannot be read (RFC 3261 sections 8.2.3 and 20.1). Parts
    /// that are optional (`handling=optional`, RFC 3204) are passed over.
    static func read(_ request: SIPRequest) -> Reading {
        let description: [UInt8]
        do {
            description = try request.part(SIPCapabilities.sessionDescription) ?? []
        } catch {
            let status = error.responseStatus
            return .refused(status: status, fields: status == 415 ? accepted(insteadOf: request) : [])
        }
        guard request.method == .invite || !description.isEmpty else { return .description([]) }
        guard request.accepts(SIPCapabilities.sessionDescription) else { return .refused(status: 406, fields: []) }
        return .description(description)
    }

    /// The session description of what cannot be refused, a response or an ACK, whatever else comes with it.
    static func description(in message: some SIPFields) -> [UInt8] {
        guard !message.body.isEmpty else { return [] }
        return (try? message.part(SIPCapabilities.sessionDescription, passesOverOthers: true)) ?? []
    }

    private static func accepted(insteadOf request: SIPRequest) -> [SIPHeaders.Field] {
        let accept = SIPHeaders.Field(.accept, SIPCapabilities.accept)
        return request.headers.contains(.contentEncoding) ? [accept, .init(.acceptEncoding, "identity")] : [accept]
    }

    /// Goes with a 488 (RFC 3261 section 20.43, code 305).
    static let warning = SIPHeaders.Field(.warning, "305 pbx \"Incompatible media format\"")
}
