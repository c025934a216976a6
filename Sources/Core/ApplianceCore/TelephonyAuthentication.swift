import CallControl
import Primitives
import Registration
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Settings

/// Who a sender has proved to be (RFC 3261 section 22, RFC 8760), and what becomes of those who prove nothing.
extension Telephony {
    /// The credentials that are judged: the first for our realm.
    func credentials(in request: SIPRequest) -> AuthenticationParameters? {
        request.authorizations().first { $0.isDigest && $0.parameters["realm"] == settings.sip.realm }
    }

    /// The extension whose password the sender has proved to know; nil when the request has been answered.
    ///
    /// Without credentials for our realm: 401, and no failure. With wrong ones: 403, whether the user exists or not. Who
    /// is authenticated may speak in their own name alone (403). An account that was guessed at too often takes
    /// credentials from where it is registered alone (403 to others, right or wrong).
    mutating func authenticate(
        _ request: SIPRequest, _ server: ServerTransactionID, over flow: SIPFlow
    ) -> String? {
        guard let credentials = credentials(in: request), let name = credentials.parameters["username"] else {
            challenge(request, server, stale: false)
            return nil
        }
        let isHome = registrar.isHome(flow.remote, of: name)
        guard isHome || !settings.sip.protectionEnabled || !protection.isLocked(name, at: context.now) else {
            context.count("sip.locked-account")
            context.agent.replyStatelessly(server, to: request, 403)
            return nil
        }
        let verdict = authenticator.verify(
            credentials, method: request.method, uri: Self.digestURI(of: request, credentials), body: request.body,
            password: users[name]?.password
                ?? selfTest?.password(for: name, request.method, from: flow.remote.address), at: context.now)
        switch verdict {
        case .ok: break
        case .stale, .replay:
            challenge(request, server, stale: true)
            return nil
        case .unsupported:
            challenge(request, server, stale: false)
            return nil
        case .malformed:
            context.agent.replyStatelessly(server, to: request, 400)
            return nil
        case .badCredentials:
            refuseCredentials(request, server, of: name, from: flow.remote)
            return nil
        }
        protection.succeeded(flow.remote.address, user: name)
        guard let from = try? request.from(), DialPlan.number(in: from.uri) == name else {
            context.reply(server, to: request, 403)
            return nil
        }
        return name
    }

    /// The URI that the digest must name: the Request-URI, or the appliance as a whole (a URI without a user part), as
    /// some telephones and test tools do. The nonce count keeps credentials from being used twice either way.
    static func digestURI(of request: SIPRequest, _ credentials: AuthenticationParameters) -> String {
        guard let named = credentials.parameters["uri"], let uri = try? SIPURI(parsing: named), uri.user == nil,
            uri.scheme == .sip || uri.scheme == .sips
        else { return request.uri.description }
        return named
    }

    /// 401 without state: who has proved nothing costs nothing (RFC 3261 section 26.3.2.4).
    private mutating func challenge(_ request: SIPRequest, _ server: ServerTransactionID, stale: Bool) {
        var response = SIPResponse(to: request, status: 401, toTag: request.statelessTag)
        let preferred = authenticator.challenges(at: context.now, entropy: &context.agent.entropy, stale: stale)
        for value in DigestOffer(for: request).ordered(preferred) {
            response.headers.append(.wwwAuthenticate, value)
        }
        context.agent.respondStatelessly(server, with: response)
    }

    private mutating func refuseCredentials(
        _ request: SIPRequest, _ server: ServerTransactionID, of name: String, from source: Endpoint
    ) {
        outputs.append(.count("sip.wrong-credentials"))
        context.reply(server, to: request, 403)
        guard settings.sip.protectionEnabled, protection.failed(source.address, user: name, at: context.now)
        else { return }
        outputs.append(.count("sip.bans"))
        outputs.append(
            .log(.notice, "SIP from \(source.address.anonymised) is ignored for a while: too many wrong passwords"))
    }
}
