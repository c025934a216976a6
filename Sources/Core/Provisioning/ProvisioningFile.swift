import Primitives
package import Settings

/// The file that tells an identified softphone its account (F-S3; FLOWS.md section 5): `<options><accounts><account>`.
package enum ProvisioningFile {
    /// What the file is made of, beside the user.
    package struct Parameters: Sendable, Equatable {
        /// The domain of the address of record.
        package var domain: String
        /// The name by which the appliance is reached through the relay; TLS.
        package var outboundProxy: String
        /// RTP names, preferred first.
        package var codecs: [String]
        package init(domain: String, outboundProxy: String, codecs: [String] = ["opus", "G722", "PCMA", "PCMU"]) {
            self.domain = domain
            self.outboundProxy = outboundProxy
            self.codecs = codecs
        }
    }

    /// UTF-8 XML. Holds the user's password: for the identified client only, never for a log.
    package static func xml(for user: UserSettings, _ parameters: Parameters) -> [UInt8] {
        let password = user.password.withBytes { String(decoding: $0, as: UTF8.self) }
        let codecs = parameters.codecs.map { "        <codec>\(escaped($0))</codec>" }.joined(separator: "\n")
        let text = """
            <?xml version="1.0" encoding="utf-8"?>
            <options>
              <accounts>
                <account>
                  <name>\(escaped(user.name))</name>
                  <username>\(escaped(user.extension))</username>
                  <password>\(escaped(password))</password>
                  <domain>\(escaped(parameters.domain))</domain>
                  <transport>tls</transport>
                  <outbound_proxy>\(escaped(parameters.outboundProxy))</outbound_proxy>
                  <codecs>
            \(codecs)
                  </codecs>
                </account>
              </accounts>
            </options>

            """
        return Array(text.utf8)
    }

    /// XML 1.0: the five predefined entities, line breaks by number; characters that XML forbids become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
