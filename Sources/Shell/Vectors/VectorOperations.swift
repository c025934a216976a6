/// Answers public test vectors with the product's own parsers, codecs and cryptography, one JSON object per line.
///
/// A request names its operation in `op`; bytes are hexadecimal. An answer has `"ok": true` and the results,
/// `{"ok": false}` when the product refuses the input, `{"unsupported": true}` for what it does not have, and
/// `{"ok": false, "error": …}` for a line that cannot be read.
package enum VectorOperations {
    /// The answer to one line, without a line break. Keeps no state between lines.
    package static func answer(_ line: [UInt8], limits: VectorLimits = VectorLimits()) -> String {
        let value: JSONValue
        do throws(VectorFailure) {
            guard line.count <= limits.lineBytes else { throw tooLong(limits) }
            var results = try results(of: VectorRequest(line), limits: limits)
            results["ok"] = .bool(true)
            value = .object(results)
        } catch {
            value = error.answer
        }
        return value.line
    }

    /// As above.
    package static func answer(_ line: String, limits: VectorLimits = VectorLimits()) -> String {
        answer(Array(line.utf8), limits: limits)
    }

    /// The answer to a line that was not kept because it exceeds `VectorLimits.lineBytes`.
    package static func answerToOverlongLine(limits: VectorLimits = VectorLimits()) -> String {
        tooLong(limits).answer.line
    }

    private static func tooLong(_ limits: VectorLimits) -> VectorFailure {
        .malformed("the line is longer than \(limits.lineBytes) bytes; split the vector")
    }

    private static func results(
        of request: VectorRequest, limits: VectorLimits
    ) throws(VectorFailure) -> [String: JSONValue] {
        switch request.operation {
        case "sip_parse": try SIPVectors.parse(request)
        case "sip_digest": try SIPVectors.digest(request)
        case "g711_decode": try AudioVectors.decodeG711(request)
        case "g711_encode": try AudioVectors.encodeG711(request)
        case "g722_decode": try AudioVectors.decodeG722(request)
        case "g722_encode": try AudioVectors.encodeG722(request)
        case "opus_decode": try AudioVectors.decodeOpus(request, limits: limits)
        case "opus_encode": try AudioVectors.encodeOpus(request)
        case "srtp_kdf": try SRTPVectors.derive(request)
        case "srtp_protect": try SRTPVectors.protect(request)
        case "srtp_unprotect": try SRTPVectors.unprotect(request)
        case "srtcp_unprotect": try SRTPVectors.unprotectRTCP(request)
        case "hmac": try CryptoVectors.hmac(request)
        case "hkdf": try CryptoVectors.hkdf(request)
        case "aead_open": try CryptoVectors.open(request)
        case "x25519": try CryptoVectors.x25519(request)
        case "ecdsa_verify": try CryptoVectors.ecdsa(request)
        case "eddsa_verify": try CryptoVectors.eddsa(request)
        default: throw .unsupported
        }
    }
}
