import Primitives
import SIPMessage
import SIPTransaction

/// A request outside calls that waits for its answer.
struct Errand: Sendable {
    var id: ClientTransactionID
    var request: SIPRequest
    var challenges: Int
}

/// Something that this telephone wants to be told of (RFC 6665); NOTIFY comes under its Call-ID.
struct Watch: Sendable {
    let callID: String
    let resource: String
    let package: String
}

/// What a telephone asks for outside calls: busy lamps and the message lamp (RFC 6665), messages (RFC 3428), and to be
/// connected with somebody by another telephone of the same user (RFC 3515).
///
/// A subscription lives for an hour and is not refreshed: longer than what this telephone is for.
extension SoftphoneCore {
    mutating func watch(
        _ number: String, _ package: String, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        var request = errand(.subscribe, to: number, entropy: &entropy)
        request.headers.append(SIPHeaderName("Event"), package)
        request.headers.append(.expires, "3600")
        watches.append(Watch(callID: request.headers[.callID] ?? "", resource: number, package: package))
        return run(request, challenges: 0, at: now, entropy: &entropy)
    }

    mutating func message(
        _ number: String, _ text: String, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        var request = errand(.message, to: number, entropy: &entropy)
        request.headers.append(.contentType, "text/plain")
        request.body = Array(text.utf8)
        return run(request, challenges: 0, at: now, entropy: &entropy)
    }

    /// `Refer-Sub: false` (RFC 4488): the answer is enough, the telephone that rings tells the rest.
    mutating func connect(_ number: String, at now: Instant, entropy: inout Entropy) -> [SoftphoneEffect] {
        var request = errand(.refer, to: account.user, entropy: &entropy)
        request.headers.append(.referTo, NameAddress(uri: SIPURI(user: number, host: account.domain)).description)
        request.headers.append(.referSub, "false")
        return run(request, challenges: 0, at: now, entropy: &entropy)
    }

    // MARK: Requests

    private func errand(_ method: SIPMethod, to number: String, entropy: inout Entropy) -> SIPRequest {
        let target = SIPURI(user: number, host: account.domain)
        var from = NameAddress(displayName: account.displayName, uri: addressOfRecord)
        from.tag = entropy.hexToken(bytes: 6)
        var headers = SIPHeaders()
        headers.append(.maxForwards, "70")
        headers.append(.from, from.description)
        headers.append(.to, NameAddress(uri: target).description)
        headers.append(.callID, entropy.hexToken(bytes: 12))
        headers.append(.cseq, CSeq(number: 1, method: method).description)
        if let flow { headers.append(.contact, NameAddress(uri: contactURI(on: flow)).description) }
        headers.append(.userAgent, "pbx-softphone")
        return SIPRequest(method: method, uri: target, headers: headers)
    }

    private mutating func run(
        _ request: SIPRequest, challenges: Int, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect] {
        guard let flow else { return [.event(.answered(method: request.method.rawValue, status: 503))] }
        let (id, effects) = transactions.send(request, over: flow, branch: branch(&entropy), at: now)
        errands.append(Errand(id: id, request: request, challenges: challenges))
        return run(effects, at: now, entropy: &entropy)
    }

    // MARK: Answers

    /// Nil when the response belongs to something else.
    mutating func errandAnswered(
        _ id: ClientTransactionID, _ response: SIPResponse, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect]? {
        guard let index = errands.firstIndex(where: { $0.id == id }) else { return nil }
        guard response.isFinal else { return [] }
        let errand = errands.remove(at: index)
        if response.status == 401 || response.status == 407, mayAnswer(response, challenges: errand.challenges) {
            var retry = errand.request
            let number = ((try? retry.cseq())?.number ?? 1) + 1
            retry.headers.set(.cseq, CSeq(number: number, method: retry.method).description)
            if authorise(&retry, for: response, entropy: &entropy) {
                return run(retry, challenges: errand.challenges + 1, at: now, entropy: &entropy)
            }
        }
        return [.event(.answered(method: errand.request.method.rawValue, status: response.status))]
    }

    /// Nil when the transaction was something else's.
    mutating func errandFailed(_ id: ClientTransactionID, status: Int) -> [SoftphoneEffect]? {
        guard let index = errands.firstIndex(where: { $0.id == id }) else { return nil }
        let errand = errands.remove(at: index)
        return [.event(.answered(method: errand.request.method.rawValue, status: status))]
    }

    /// A NOTIFY of something that is watched; nil for another one.
    mutating func notified(
        _ request: SIPRequest, _ id: ServerTransactionID, at now: Instant, entropy: inout Entropy
    ) -> [SoftphoneEffect]? {
        guard let watch = watches.first(where: { $0.callID == request.headers[.callID] }) else { return nil }
        let body = String(decoding: request.body, as: UTF8.self)
        return respond(id, to: request, status: 200, at: now, entropy: &entropy)
            + [.event(.notified(resource: watch.resource, package: watch.package, body: body))]
    }
}
