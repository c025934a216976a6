import Media
import MediaNegotiation
import OpenSSLCrypto
import Primitives
import SDP
import SIPDialog
import SIPMessage

/// Whatever is read can be written and read again as the same; no accessor traps.
func fuzzMessage(_ bytes: [UInt8]) {
    for framing in [SIPParser.Framing.datagram, .stream] {
        do {
            let message = try SIPParser.parse(bytes, framing: framing)
            look(at: message)
            let again = try? SIPParser.parse(message.serialised(), framing: framing)
            precondition(
                again?.serialised() == message.serialised(), "a message changes when it is written and read again")
        } catch {
            if let response = SIPParser.rejection(of: bytes, because: error) { _ = response.serialised() }
        }
    }
    var framer = SIPStreamFramer()
    framer.append(bytes)
    while (try? framer.next()) != nil {}
}

private func look(at message: SIPMessage) {
    _ = try? message.topVia()
    _ = try? message.vias()
    _ = try? message.from()
    _ = try? message.to()
    _ = try? message.callID()
    _ = try? message.cseq()
    _ = try? message.contacts()
    _ = try? message.routes()
    _ = try? message.recordRoutes()
    _ = try? message.maxForwards()
    _ = message.expires()
    _ = message.authorizations()
    _ = message.challenges()
    _ = message.tokens(.supported)
    if case .request(let request) = message {
        let isValid = (try? request.validate()) != nil
        let answer = SIPResponse(to: request, status: 200, toTag: "t")
        if isValid {
            let read = try? SIPParser.parse(answer.serialised(), framing: .stream)
            precondition(read != nil, "the answer to a valid request cannot be read")
        }
        _ = try? Dialog(received: request, localTag: "l", secure: false)
        _ = DialogID(of: request, as: .uas)
    }
}

/// An offer that can be answered gives an answer that can be read, and that our own side accepts.
func fuzzSessionDescription(_ bytes: [UInt8]) {
    guard let description = try? SessionDescription.parse(bytes) else { return }
    let written = description.serialised()
    let again = try? SessionDescription.parse(written)
    precondition(again?.serialised() == written, "a session description changes when it is written and read again")
    let local = LocalMedia(
        address: .loopbackV4, port: 20_000, codecs: [.opus, .pcmu, .pcma], sessionID: 1, sessionVersion: 1)
    if let (answer, _) = try? AudioNegotiation.answer(offer: description, local: local) {
        let read = try? SessionDescription.parse(answer.serialised())
        precondition(read?.media.count == description.media.count, "an answer has another number of sections")
    }
    _ = try? AudioNegotiation.accept(answer: description, local: local)
    _ = AudioNegotiation.offer(local, following: description)
}

/// A URI or address that can be read is equal to itself written and read.
func fuzzURI(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    if let uri = try? SIPURI(parsing: text) {
        let again = try? SIPURI(parsing: uri.description)
        precondition(again?.description == uri.description, "a URI changes when it is written and read again")
        precondition(again.map { uri.isEquivalent(to: $0) } ?? false, "a URI is not equivalent to itself")
    }
    if let address = try? NameAddress(parsing: text) {
        precondition((try? NameAddress(parsing: address.description)) != nil, "an address cannot be read again")
    }
    if let via = try? Via(parsing: text) {
        precondition((try? Via(parsing: via.description)) != nil, "a Via cannot be read again")
    }
    _ = try? CSeq(parsing: text)
}

/// Credentials never pass by chance, and reading them never traps.
func fuzzDigest(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self),
        let credentials = try? AuthenticationParameters(parsing: text)
    else { return }
    let again = try? AuthenticationParameters(parsing: credentials.description)
    precondition(again != nil, "credentials cannot be read again")
    var authenticator = DigestAuthenticator(
        realm: "pbx.example", secret: Secret(Array(repeating: 7, count: 32)), hashes: OpenSSLHashes())
    let verdict = authenticator.verify(
        credentials, method: .register, uri: "sip:pbx.example", password: Secret("a password nobody can guess"),
        at: .origin)
    precondition(verdict != .ok, "credentials passed that nobody made")
}
