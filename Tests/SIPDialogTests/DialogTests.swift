import Primitives
import SIPDialog
import SIPMessage
import Testing

struct DialogTests {
    static func caller(
        _ status: Int = 200, recordRoutes: [String] = [], contact: String? = "<sip:bob@192.0.2.20>"
    ) throws -> Dialog {
        let invite = try invite()
        return try Dialog(
            sent: invite, received: response(status, to: invite, contact: contact, recordRoutes: recordRoutes))
    }

    static func callee(recordRoutes: [String] = []) throws -> Dialog {
        try Dialog(received: invite(recordRoutes: recordRoutes), localTag: "b1", secure: false)
    }

    /// A request of the peer inside `dialog`.
    static func incoming(_ method: String, _ number: UInt32, to dialog: Dialog, contact: String? = nil) throws
        -> SIPRequest
    {
        var request = try request(
            "\(method) sip:us@192.0.2.1 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKi\(number)",
            "From: <sip:peer@example.net>;tag=\(dialog.id.remoteTag)",
            "To: <sip:us@example.net>;tag=\(dialog.id.localTag)",
            "Call-ID: \(dialog.id.callID)",
            "CSeq: \(number) \(method)")
        if let contact { request.headers.append(.contact, contact) }
        return request
    }

    @Test func `both sides hold the same dialog, mirrored`() throws {
        let caller = try Self.caller()
        let callee = try Self.callee()
        #expect(caller.id == DialogID(callID: "call@example.net", localTag: "a1", remoteTag: "b1"))
        #expect(callee.id == DialogID(callID: "call@example.net", localTag: "b1", remoteTag: "a1"))
        #expect(caller.local.uri == callee.remote.uri)
        #expect(caller.remote.uri == callee.local.uri)
        #expect(caller.remoteTarget == bobURI)
        #expect(callee.remoteTarget == aliceURI)
        #expect((caller.localCSeq, caller.remoteCSeq) == (7, nil))
        #expect((callee.localCSeq, callee.remoteCSeq) == (0, 7))
        #expect(caller.state == .confirmed)
        #expect(callee.state == .early)
    }

    @Test func `the route set runs from us to the peer in both roles`() throws {
        let routes = ["<sip:p2.example;lr>", "<sip:p1.example;lr>"]
        let caller = try Self.caller(recordRoutes: routes)
        let callee = try Self.callee(recordRoutes: routes)
        #expect(caller.routeSet.map(\.uri.host) == ["p1.example", "p2.example"])
        #expect(callee.routeSet.map(\.uri.host) == ["p2.example", "p1.example"])
    }

    @Test func `requests count up and carry both tags`() throws {
        var dialog = try Self.caller()
        for number in 8...9 as ClosedRange<UInt32> {
            let request = dialog.makeRequest(.info, contact: aliceURI, contentType: "text/plain", body: [1, 2])
            try #expect(request.cseq() == CSeq(number: number, method: .info))
            #expect(DialogID(of: request, as: .uac) == dialog.id)
            #expect(request.uri == bobURI)
            #expect(request.headers[.contact] == "<sip:alice@192.0.2.10:5062>")
            #expect(request.headers[.contentType] == "text/plain")
            #expect(!request.headers.contains(.route))
            #expect(!request.headers.contains(.via))
            try #expect(SIPParser.parse(request.serialised()).headers[.callID] == "call@example.net")
        }
        dialog.noteSent(cseq: 40)
        try #expect(dialog.makeRequest(.bye).cseq().number == 41)
    }

    @Test func `a loose route leaves the target in the Request-URI`() throws {
        var dialog = try Self.callee(recordRoutes: ["<sip:p2.example;lr>", "<sip:p1.example>"])
        let bye = dialog.makeRequest(.bye)
        #expect(bye.uri == aliceURI)
        #expect(bye.headers.all(.route) == ["<sip:p2.example;lr>", "<sip:p1.example>"])
        try #expect(bye.cseq().number == 1)
    }

    @Test func `a strict route takes the Request-URI, and the target goes last`() throws {
        var dialog = try Self.callee(recordRoutes: ["<sip:p2.example;method=BYE?x=y>", "<sip:p1.example;lr>"])
        let bye = dialog.makeRequest(.bye)
        #expect(bye.uri == SIPURI(host: "p2.example"))
        #expect(bye.headers.all(.route) == ["<sip:p1.example;lr>", "<sip:alice@192.0.2.10:5062>"])
    }

    @Test func `ACK has the number and the credentials of its INVITE`() throws {
        let invite = try invite(extra: [
            "Authorization: Digest username=\"alice\"", "Proxy-Authorization: Digest x=\"y\"",
        ])
        var dialog = try Dialog(
            sent: invite, received: response(200, to: invite, recordRoutes: ["<sip:p1.example;lr>"]))
        _ = dialog.makeRequest(.info)
        let ack = dialog.makeAck(for: invite, contentType: "application/sdp", body: [9])
        try #expect(ack.cseq() == CSeq(number: 7, method: .ack))
        #expect(ack.headers[.authorization] == "Digest username=\"alice\"")
        #expect(ack.headers.contains(.proxyAuthorization))
        #expect(ack.headers[.route] == "<sip:p1.example;lr>")
        #expect(ack.body == [9])
        #expect(dialog.localCSeq == 8)
        try #expect(dialog.makeAck(cseq: 3).cseq().number == 3)
    }

    @Test func `a 2xx confirms an early dialog and replaces its route set`() throws {
        let invite = try invite()
        var dialog = try Dialog(
            sent: invite, received: response(180, to: invite, recordRoutes: ["<sip:old.example;lr>"]))
        #expect(dialog.state == .early)
        try dialog.update(with: response(183, to: invite, contact: "<sip:bob@192.0.2.21>"))
        #expect(dialog.state == .early)
        #expect(dialog.remoteTarget.host == "192.0.2.21")
        #expect(dialog.routeSet.map(\.uri.host) == ["old.example"])
        try dialog.update(with: response(200, to: invite, recordRoutes: ["<sip:new.example;lr>"]))
        #expect(dialog.state == .confirmed)
        #expect(dialog.routeSet.map(\.uri.host) == ["new.example"])
        try dialog.update(with: response(200, to: invite, recordRoutes: ["<sip:late.example;lr>"]))
        #expect(dialog.routeSet.map(\.uri.host) == ["new.example"])
        #expect(throws: DialogError.otherDialog) { try dialog.update(with: response(200, to: invite, tag: "fork")) }
    }

    @Test func `each fork makes its own dialog`() throws {
        let invite = try invite()
        let first = try Dialog(sent: invite, received: response(200, to: invite, tag: "f1"))
        let second = try Dialog(sent: invite, received: response(200, to: invite, tag: "f2"))
        #expect(first.id < second.id)
    }

    @Test func `a provisional response without Contact points to the Request-URI`() throws {
        let dialog = try Self.caller(180, contact: nil)
        #expect(dialog.remoteTarget == SIPURI(user: "bob", host: "example.net"))
    }

    @Test func `what makes no dialog says why`() throws {
        let sent = try invite()
        #expect(throws: DialogError.unsuitableStatus(100)) { try Dialog(sent: sent, received: response(100, to: sent)) }
        #expect(throws: DialogError.unsuitableStatus(486)) { try Dialog(sent: sent, received: response(486, to: sent)) }
        #expect(throws: DialogError.missing("To tag", in: "response")) {
            try Dialog(sent: sent, received: response(180, to: sent, tag: nil))
        }
        #expect(throws: DialogError.missing("Contact", in: "response")) {
            try Dialog(sent: sent, received: response(200, to: sent, contact: nil))
        }
        var other = response(200, to: sent)
        other.headers.set(.callID, "another")
        #expect(throws: DialogError.otherDialog) { try Dialog(sent: sent, received: other) }
        var bare = sent
        bare.headers.remove(.contact)
        #expect(throws: DialogError.missing("Contact", in: "request")) {
            try Dialog(received: bare, localTag: "b1", secure: false)
        }
        var broken = sent
        broken.headers.set(.from, "<sip:")
        #expect(throws: DialogError.self) { try Dialog(received: broken, localTag: "b1", secure: false) }
        #expect(DialogError.missing("Contact", in: "request").status == 400)
    }

    @Test func `CSeq may stand or grow, and never fall`() throws {
        var dialog = try Self.callee()
        try dialog.accept(Self.incoming("INFO", 7, to: dialog))
        try dialog.accept(Self.incoming("INFO", 20, to: dialog))
        try dialog.accept(Self.incoming("ACK", 7, to: dialog))
        try dialog.accept(Self.incoming("CANCEL", 7, to: dialog))
        let late = try Self.incoming("BYE", 19, to: dialog)
        #expect(throws: DialogError.outOfOrder(received: 19, last: 20)) { try dialog.accept(late) }
        #expect(DialogError.outOfOrder(received: 19, last: 20).status == 500)
        #expect(dialog.remoteCSeq == 20)
        var first = try Self.caller()
        try first.accept(Self.incoming("BYE", 1, to: first))
        #expect(first.remoteCSeq == 1)
    }

    @Test func `requests of another dialog are refused`() throws {
        var dialog = try Self.callee()
        let other = try Self.incoming("BYE", 8, to: Self.caller())
        #expect(throws: DialogError.otherDialog) { try dialog.accept(other) }
        #expect(DialogError.otherDialog.status == 481)
    }

    @Test(arguments: [("INVITE", true), ("UPDATE", true), ("INFO", false), ("BYE", false)])
    func `only target refresh requests move the target`(method: String, moves: Bool) throws {
        var dialog = try Self.callee()
        try dialog.accept(Self.incoming(method, 8, to: dialog, contact: "<sip:new@192.0.2.99>"))
        #expect((dialog.remoteTarget.host == "192.0.2.99") == moves)
    }

    @Test func `a 2xx to our re-INVITE moves the target, a refusal does not`() throws {
        var dialog = try Self.callee()
        let again = dialog.makeRequest(.invite, contact: bobURI)
        try dialog.refreshTarget(from: response(488, to: again, contact: "<sip:x@192.0.2.50>"))
        #expect(dialog.remoteTarget == aliceURI)
        try dialog.refreshTarget(from: response(200, to: again, contact: "<sip:x@192.0.2.50>"))
        #expect(dialog.remoteTarget.host == "192.0.2.50")
    }

    @Test func `a dialog is secure by TLS and a sips URI together`() throws {
        let sips = try invite(uri: "sips:bob@example.net")
        try #expect(Dialog(received: sips, localTag: "b", secure: true).isSecure)
        try #expect(!Dialog(received: sips, localTag: "b", secure: false).isSecure)
        try #expect(!Dialog(received: invite(), localTag: "b", secure: true).isSecure)
        try #expect(Dialog(sent: sips, received: response(200, to: sips)).isSecure)
    }

    @Test func `a peer of RFC 2543 has the empty tag`() throws {
        let invite = try invite()
        var dialog = try Dialog(sent: invite, received: response(200, to: invite, tag: nil))
        #expect(dialog.id.remoteTag == "")
        try #expect(dialog.makeRequest(.bye).to().tag == nil)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `mutated messages never trap`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let routes = ["<sip:p2.example;lr>", "\"P\" <sip:p1.example>"]
        let seeds = [
            try invite(recordRoutes: routes).serialised(),
            response(200, to: try invite(), recordRoutes: routes).serialised(),
            try Self.incoming("INVITE", 9, to: Self.callee(), contact: "<sip:x@y>").serialised(),
        ]
        let sent = try invite()
        for _ in 0..<500 {
            var bytes = seeds[Int(generator.next() % 3)]
            for _ in 0..<(1 + generator.next() % 4) {
                let index = Int(generator.next() % UInt64(bytes.count))
                bytes[index] = UInt8(truncatingIfNeeded: generator.next() % 128)
            }
            switch try? SIPParser.parse(bytes) {
            case .request(let request):
                var dialog = try Self.callee()
                try? dialog.accept(request)
                if var own = try? Dialog(received: request, localTag: "b1", secure: true) {
                    _ = own.makeRequest(.bye).serialised()
                }
            case .response(let response):
                var dialog = try Self.caller(180)
                try? dialog.update(with: response)
                try? dialog.refreshTarget(from: response)
                if var own = try? Dialog(sent: sent, received: response) { _ = own.makeRequest(.bye).serialised() }
            case nil:
                break
            }
        }
    }
}
