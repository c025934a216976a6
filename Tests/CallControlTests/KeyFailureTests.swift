import CallControl
import Media
import MediaNegotiation
import Primitives
import RTP
import SIPDialog
import SIPMessage
import SIPTransaction
import Testing

/// A side whose keys are not agreed on in the media path: who is left, and who goes on.
@Suite struct KeyFailureTests: AmongThree {
    private static let fingerprint = CertificateFingerprint(.sha256, digest: [UInt8](repeating: 7, count: 32))!
    let trio = Trio()

    init() {
        world.ranks["101"] = [[protected(bob)]]
    }

    private func protected(_ phone: TestPhone) -> CallTarget {
        var target = world.target(phone)
        target.media = MediaRules(
            srtp: SRTPRules(inClear: .required, keyingInClear: [.dtls], fingerprint: Self.fingerprint))
        return target
    }

    private func body(_ phone: TestPhone) -> [UInt8] {
        let plain = String(decoding: sdp(["PCMU"], port: phone.flow.remote.port + 1), as: UTF8.self)
        return Array(
            (plain.replacing("RTP/AVP", with: "UDP/TLS/RTP/SAVP")
                + "a=fingerprint:\(Self.fingerprint)\r\na=setup:active\r\na=rtcp-mux\r\n").utf8)
    }

    private func fail(_ side: MediaSide, _ cause: KeyAgreementFailure = .wrongCertificate) {
        world.feed(.failed(MediaSessionID(1), .keysNotAgreed(side, cause)))
    }

    private func talk() throws -> (near: TestSide, far: TestSide) {
        let invite = ada.invite("101")
        let incoming = try bob.nextRequest(.invite)
        let dialog = try Dialog(received: incoming, localTag: "\(bob.flow.remote.port)", secure: false)
        var response = SIPResponse(to: incoming, status: 200, toTag: dialog.id.localTag)
        response.headers.append(.contact, NameAddress(uri: bob.contact).description)
        response.headers.append(.contentType, "application/sdp")
        response.body = body(bob)
        world.feed(.response(response), from: bob.flow)
        _ = try bob.nextRequest(.ack)
        return (try ada.confirm(invite), TestSide(bob, dialog))
    }

    @Test func `an early callee without keys is left, the other telephones go on ringing`() throws {
        world.ranks["101"] = [[protected(bob), world.target(cleo)]]
        let invite = ada.invite("101")
        let (toBob, toCleo) = (try bob.nextRequest(.invite), try cleo.nextRequest(.invite))
        bob.respond(toBob, 183, body: body(bob))
        #expect(world.stream(.b)?.keyAgreement != nil)
        fail(.b)
        #expect(!cleo.has(.cancel))
        try bob.takeCancel(toBob)
        let far = try cleo.answer(toCleo)
        let near = try ada.confirm(invite)
        #expect(world.stream(.b)?.remote?.port == 40_201)
        fail(.b)  // late, of the association that is gone
        try near.hangUp()
        try far.takeBye()
        #expect(world.counts.filter { $0 == "media.dtls-wrong-certificate" }.count == 2)
        world.expectNothingLeft()
    }

    @Test func `the only callee without keys leaves nobody`() throws {
        _ = ada.invite("101")
        let toBob = try bob.nextRequest(.invite)
        bob.respond(toBob, 183, body: body(bob))
        _ = try ada.nextResponse(183)
        fail(.b, .timedOut(after: .seconds(30)))
        try bob.takeCancel(toBob)
        #expect(try ada.nextResponse().status == 480)
        #expect(world.counts.contains("media.dtls-timed-out"))
    }

    @Test func `a caller who gets no keys ahead of the answer is refused, and nobody rings any more`() throws {
        world.control.mediaCertificate = Self.fingerprint
        world.ranks["101"] = nil
        let invite = ada.request(.invite, to: "101", callID: "c", body: body(ada))
        ada.send(invite, branch: "z9hG4bK-early")
        let incoming = try bob.nextRequest(.invite)
        bob.respond(incoming, 183, body: sdp(["PCMU"], port: 40_101))
        _ = try ada.nextResponse(183)
        #expect(world.stream(.a)?.keyAgreement != nil)
        fail(.a)
        #expect(try ada.nextResponse().status == 500)
        try bob.takeCancel(incoming)
        #expect(world.control.activeCount == 0)
    }

    @Test func `while talking both are hung up and told why`() throws {
        let call = try talk()
        fail(.b)
        let bye = try ada.nextRequest(.bye)
        #expect(bye.reasons() == [.sip(488, text: "No SRTP keys by DTLS")])
        ada.respond(bye, 200)
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a failure of a side that agrees on no keys is none`() throws {
        let call = try talk()
        fail(.a)
        #expect(!ada.has(.bye) && !bob.has(.bye))
        try call.near.hangUp()
        try call.far.takeBye()
        world.expectNothingLeft()
    }

    @Test func `a transferor's failure after it has gone does not end the call of its successor`() throws {
        let call = try talk()
        _ = try call.far.refer(to: "102")
        try call.far.hangUp()
        let incoming = try cleo.nextRequest(.invite)
        fail(.b)
        #expect(!ada.has(.bye) && !cleo.has(.cancel))
        let far = try cleo.answer(incoming)
        fail(.b)
        #expect(!ada.has(.bye) && !cleo.has(.bye))
        try far.hangUp()
        try call.near.takeBye()
    }
}
