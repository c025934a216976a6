package import SIPMessage

/// What the appliance says about itself in SIP.
package enum SIPCapabilities {
    package static let methods: [SIPMethod] = [.invite, .ack, .bye, .cancel, .options, .register, .info, .update]
    package static let allow = methods.map(\.rawValue).joined(separator: ", ")
    package static let sessionDescription = "application/sdp"
    /// Server and User-Agent; no version, it would help nobody but an attacker.
    package static let product = "pbx-appliance"

    /// The option tags of a Require or Proxy-Require that we do not have (RFC 3261 section 8.2.2.3): all of them.
    package static func unsupportedOptions(in request: SIPRequest) -> [String] {
        [SIPHeaderName.require, .proxyRequire].flatMap { name in
            request.headers.all(name).flatMap { $0.split(separator: ",") }.map {
                String($0.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
            }
        }.filter { !$0.isEmpty }
    }
}
