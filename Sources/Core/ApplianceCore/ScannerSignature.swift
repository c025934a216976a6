import SIPMessage

/// Programs that search the network for SIP servers to abuse, by what they call themselves.
///
/// Whoever hides is met by the rates and lock-outs of `TelephonyProtection`; these do not even get an answer.
enum ScannerSignature {
    private static let names: [StaticString] = [
        "friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sipsak", "sipcli", "sip-scan", "sipscan",
        "vaxsipuseragent", "vaxipuseragent", "pplsip", "sivus", "smap", "iwar", "gulp", "eyebeam release 3006o",
    ]

    /// True when User-Agent begins with such a name.
    static func matches(_ request: SIPRequest) -> Bool {
        guard let agent = request.headers[.userAgent] else { return false }
        return names.contains { name in
            name.withUTF8Buffer { lower in
                var text = agent.utf8.makeIterator()
                return lower.allSatisfy { byte in
                    guard let next = text.next() else { return false }
                    return (65...90).contains(next) ? next | 0x20 == byte : next == byte
                }
            }
        }
    }
}
