package import SIPMessage

/// What the appliance says about itself in SIP: Allow, Supported, Accept (RFC 3261 sections 8.2 and 20).
package enum SIPCapabilities {
    package static let methods: [SIPMethod] = [
        .invite, .ack, .bye, .cancel, .options, .register, .info, .update, .prack, .refer, .notify, .subscribe,
    ]
    package static let allow = methods.map(\.rawValue).joined(separator: ", ")
    package static let sessionDescription = "application/sdp"
    /// The bodies that requests which describe a session may have.
    package static let accept = sessionDescription + ", multipart/mixed"
    /// Server and User-Agent; no version, it would help nobody but an attacker.
    package static let product = "pbx-appliance"

    /// What a call may make use of from its first INVITE on.
    package static let supported = "100rel, \(supportedInDialog)"
    /// Likewise for INVITE and UPDATE inside a dialog, whose provisional responses have nothing to say to us.
    package static let supportedInDialog = "timer, replaces, norefersub, tdialog"

    /// The option tags that may stand in Require: those of calls (RFC 3262, RFC 4028, RFC 3891, RFC 4488, RFC 4538) and
    /// of registrations (RFC 3327, RFC 5626, RFC 5627).
    package static let understood = OptionTags([
        "100rel", "timer", "replaces", "norefersub", "tdialog", "path", "outbound", "gruu",
    ])

    /// The answer to OPTIONS (RFC 3261 section 11.2).
    package static let fields: [SIPHeaders.Field] = [
        .init(.allow, allow), .init(.accept, accept), .init(.acceptEncoding, "identity"), .init(.supported, supported),
    ]

    /// The option tags of a Require or Proxy-Require that we do not have (RFC 3261 section 8.2.2.3), in their order.
    package static func unsupportedOptions(in request: SIPRequest) -> [String] {
        guard request.headers.contains(.require) || request.headers.contains(.proxyRequire) else { return [] }
        // A proxy is what we are not: whatever one is asked for we cannot do.
        return request.required().subtracting(understood).list + request.proxyRequired().list
    }
}
