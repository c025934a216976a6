import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage

/// `sip_parse` and `sip_digest`.
enum SIPVectors {
    /// The message as the appliance takes it from a datagram. Refused is what it would answer with an error or drop before
    /// any transaction sees it: what does not parse, requests that do not validate, responses that match no transaction.
    static func parse(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        let bytes = try request.bytes("message")
        guard let message = accepted(bytes) else { throw .refused }
        let fields = message.headers.fields.map { field in
            JSONValue.list([.text(field.name.description), .text(field.value)])
        }
        return [
            "start": .text(startLine(bytes)), "headers": .list(fields), "body": .text(Hex.encode(message.body)),
        ]
    }

    private static func accepted(_ bytes: [UInt8]) -> SIPMessage? {
        do throws(SIPParseError) {
            let message = try SIPParser.parse(bytes)
            switch message {
            case .request(let request): try request.validate()
            case .response(let response):
                // What a response is matched by (RFC 3261 section 17.1.3).
                _ = try response.topVia()
                _ = try response.cseq()
            }
            return message
        } catch {
            return nil
        }
    }

    /// The start line of a message that was accepted, as it was written.
    private static func startLine(_ bytes: [UInt8]) -> String {
        let line = bytes.drop { $0 == 0x0D || $0 == 0x0A }.prefix { $0 != 0x0D && $0 != 0x0A }
        return String(decoding: line, as: UTF8.self)
    }

    /// Without `qop` the response of RFC 2069; without `algorithm` MD5. `nc` is text as in the header, or a number.
    static func digest(_ request: VectorRequest) throws(VectorFailure) -> [String: JSONValue] {
        guard let algorithm = DigestAlgorithm(token: try request.optionalText("algorithm")) else { throw .unsupported }
        let qop = try request.optionalText("qop").flatMap { $0.isEmpty ? nil : $0 }
        if let qop, qop.lowercased() != "auth" { throw .unsupported }
        let count = try request.textOrInteger("nc")
        let fields = DigestResponse.Fields(
            algorithm: algorithm, username: try request.text("username"), realm: try request.text("realm"),
            nonce: try request.text("nonce"),
            nonceCount: count.text ?? count.integer.map { DigestClient.countText(UInt32(clamping: $0)) },
            clientNonce: try request.optionalText("cnonce"), qop: qop, method: try request.text("method"),
            uri: try request.text("uri"))
        let password = Secret(try request.text("password"))
        guard let response = DigestResponse.compute(fields, password: password, using: OpenSSLHashes()) else {
            throw .refused
        }
        return ["response": .text(response)]
    }
}
