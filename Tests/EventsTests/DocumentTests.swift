import Events
import Primitives
import SIPMessage
import SIPTransaction
import Testing

/// What the bodies of NOTIFYs say, seen from outside.
@Suite struct DocumentTests {
    /// Subscribes to `event`, and gives the body of the first NOTIFY.
    private func document(
        _ event: String, grant: SubscriptionGrant = .full, _ prepare: (Exchange) -> Void = { _ in }
    ) throws -> String {
        let exchange = Exchange()
        prepare(exchange)
        #expect(exchange.send(event: event, grant: grant)?.status == 200)
        return try #require(exchange.taken()).text
    }

    /// Well-formed as far as it matters: one root, tags nest, attributes are quoted, no stray markup.
    private func isWellFormed(_ text: String) -> Bool {
        var open: [Substring] = []
        var roots = 0
        var rest = text[...]
        guard rest.hasPrefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>") else { return false }
        rest = rest.dropFirst("<?xml version=\"1.0\" encoding=\"UTF-8\"?>".count)
        while let start = rest.firstIndex(of: "<") {
            guard !rest[..<start].contains(">"), isText(rest[..<start]) else { return false }
            guard let end = rest[start...].firstIndex(of: ">") else { return false }
            var tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { return false }
                continue
            }
            let isEmpty = tag.hasSuffix("/")
            if isEmpty { tag = tag.dropLast() }
            guard tag.count(where: { $0 == "\"" }).isMultiple(of: 2) else { return false }
            let name = tag.prefix { $0 != " " }
            if open.isEmpty { roots += 1 }
            if !isEmpty { open.append(name) }
        }
        return open.isEmpty && roots == 1 && rest.allSatisfy(\.isWhitespace)
    }

    private func isText(_ text: Substring) -> Bool {
        text.split(separator: "&", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
            ["amp;", "lt;", "gt;", "quot;", "apos;"].contains { part.hasPrefix($0) }
        }
    }

    // MARK: dialog

    @Test func `an idle user has an empty document, a busy one says with whom`() throws {
        let idle = try document("dialog")
        #expect(isWellFormed(idle))
        #expect(!idle.contains("<dialog "))
        let busy = try document("dialog") { $0.setDialogs([.call("x1", .early)]) }
        #expect(isWellFormed(busy))
        #expect(
            busy.contains(
                "<dialog id=\"x1\" call-id=\"call-x1\" local-tag=\"l\" remote-tag=\"r\" direction=\"recipient\">"))
        #expect(busy.contains("<identity display=\"Bob\">sip:102@pbx.example</identity>"))
        #expect(busy.contains("<target uri=\"sip:102@pbx.example\">"))
    }

    @Test func `who may see states sees no more`() throws {
        let text = try document("dialog", grant: .stateOnly) { $0.setDialogs([.call("x1", .confirmed)]) }
        #expect(isWellFormed(text))
        #expect(text.contains("<state>confirmed</state>"))
        for secret in ["Bob", "102", "call-x1", "remote-tag", "local"] { #expect(!text.contains(secret)) }
    }

    @Test func `with states alone a change of names is no change`() {
        let exchange = Exchange()
        exchange.send(grant: .stateOnly)
        _ = exchange.taken()
        exchange.setDialogs([.call("1", with: "Bob")])
        exchange.advance(by: .seconds(1))
        _ = exchange.taken()
        exchange.setDialogs([.call("1", with: "Cleo")])
        exchange.advance(by: .seconds(1))
        #expect(exchange.notifies.isEmpty)
    }

    @Test func `a held call and a private party are written so`() throws {
        var call = WatchedDialog.call("1")
        call.isHeld = true
        call.remote = nil
        let text = try document("dialog") { $0.setDialogs([call]) }
        #expect(isWellFormed(text))
        #expect(text.contains("<param pname=\"+sip.rendering\" pval=\"no\"/>"))
        #expect(!text.contains("<remote>"))
    }

    @Test func `many calls are told as changes, and a document has at most its limit`() throws {
        let exchange = Exchange()
        exchange.send()
        _ = exchange.taken()
        exchange.advance(by: .seconds(1))
        let calls = (1...40).map { WatchedDialog.call("c\($0)") }
        exchange.setDialogs(calls)
        let first = try #require(exchange.taken())
        #expect(isWellFormed(first.text))
        #expect(first.text.contains("state=\"partial\""))
        #expect(first.text.split(separator: "<dialog ").count - 1 == Limits().watchedDialogs)
        exchange.advance(by: .seconds(1))
        exchange.setDialogs(calls.filter { $0.id != "c7" })
        let second = try #require(exchange.taken())
        #expect(second.text.contains("version=\"2\" state=\"partial\""))
        #expect(second.text.split(separator: "<dialog ").count - 1 == 1)
        #expect(second.text.contains("id=\"c7\""))
    }

    @Test(arguments: [
        "</identity><evil/>", "\" onload=\"", "a & b", "<![CDATA[", "]]>", "&#0;", "\u{0}\u{1}\u{8}\u{1B}",
        "\u{FFFE}\u{FFFF}", "'", "\r\n\t", String(repeating: "<", count: 10_000), "Zoë 😀",
    ])
    func `nothing that a peer calls itself becomes markup`(name: String) throws {
        var call = WatchedDialog.call(name)
        call.callID = name
        call.localTag = name
        call.remote = .init(
            uri: SIPURI(user: name, host: "h.example"), displayName: name,
            target: SIPURI(user: name, host: name, parameters: SIPParameters([.init(name, name)])))
        let text = try document("dialog") { $0.setDialogs([call]) }
        #expect(isWellFormed(text))
        #expect(!text.contains("<evil"))
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
        #expect(text.utf8.count < 12_000)
    }

    // MARK: message-summary

    @Test func `waiting messages are counted`() throws {
        #expect(
            try document("message-summary")
                == "Messages-Waiting: no\r\nMessage-Account: sip:100@pbx.example\r\nVoice-Message: 0/0 (0/0)\r\n")
        let text = try document("message-summary") { exchange in
            exchange.act {
                $0.setMessageSummary(of: "100", to: MessageSummary(new: 2, old: 8, urgentNew: 1, urgentOld: -3), &$1)
            }
        }
        #expect(text.hasPrefix("Messages-Waiting: yes\r\n"))
        #expect(text.contains("Voice-Message: 2/8 (1/0)\r\n"))
    }

    @Test func `a new message lights the lamp, and the end of the mailbox puts it out`() {
        let exchange = Exchange()
        exchange.send(event: "message-summary")
        _ = exchange.taken()
        exchange.advance(by: .seconds(1))
        exchange.act { $0.setMessageSummary(of: "100", to: MessageSummary(new: 1), &$1) }
        #expect(exchange.taken()?.text.contains("yes") == true)
        exchange.advance(by: .seconds(1))
        exchange.act { $0.setMessageSummary(of: "100", to: nil, &$1) }
        #expect(exchange.taken()?.text.contains("no\r\n") == true)
    }

    // MARK: reg

    private func contact(_ host: String, expires: Int, gruu: String? = nil) -> WatchedContact {
        WatchedContact(
            uri: SIPURI(user: "100", host: host), displayName: "A & B", expiresAt: .origin + .seconds(expires),
            preference: 500, callID: "c", cseq: 7, publicGRUU: gruu)
    }

    @Test func `a registration is told with every contact, and what goes is told once`() throws {
        let exchange = Exchange()
        exchange.send(event: "reg")
        let initial = try #require(exchange.taken())
        #expect(initial.text.contains("state=\"init\""))
        #expect(isWellFormed(initial.text))
        exchange.advance(by: .seconds(1))
        exchange.act {
            $0.setContacts(
                of: "100",
                to: [contact("10.0.0.8", expires: 61), contact("10.0.0.9", expires: 901, gruu: "sip:x;gr=y")],
                &$1)
        }
        let two = try #require(exchange.taken())
        #expect(isWellFormed(two.text))
        #expect(two.text.contains("version=\"1\""))
        #expect(two.text.contains("<registration aor=\"sip:100@pbx.example\""))
        #expect(
            two.text.contains(
                "state=\"active\" event=\"registered\" expires=\"60\" q=\"0.500\" callid=\"c\" cseq=\"7\""))
        #expect(two.text.contains("<display-name>A &amp; B</display-name>"))
        #expect(two.text.contains("uri=\"sip:x;gr=y\""))
        exchange.advance(by: .seconds(60))
        exchange.act { $0.setContacts(of: "100", to: [contact("10.0.0.9", expires: 901)], &$1) }
        #expect(exchange.taken()?.text.contains("state=\"terminated\" event=\"expired\"") == true)
        exchange.advance(by: .seconds(1))
        exchange.act { $0.setContacts(of: "100", to: [], &$1) }
        let last = try #require(exchange.taken())
        #expect(last.text.contains("event=\"unregistered\""))
        #expect(!last.text.contains("10.0.0.8"))
    }

    // MARK: presence

    @Test func `presence comes from registration and calls`() throws {
        let exchange = Exchange()
        exchange.send(event: "presence")
        let closed = try #require(exchange.taken())
        #expect(isWellFormed(closed.text))
        #expect(closed.text.contains("<basic>closed</basic>"))
        #expect(closed.headers[.contentType] == "application/pidf+xml")
        exchange.advance(by: .seconds(1))
        exchange.act { $0.setContacts(of: "100", to: [contact("10.0.0.8", expires: 600)], &$1) }
        #expect(exchange.taken()?.text.contains("<basic>open</basic>") == true)
        exchange.advance(by: .seconds(1))
        exchange.setDialogs([.call("1", .early)])
        #expect(exchange.notifies.isEmpty, "a telephone that rings is not in use")
        exchange.setDialogs([.call("1", .confirmed)])
        let busy = try #require(exchange.taken())
        #expect(isWellFormed(busy.text))
        #expect(busy.text.contains("<note>On the phone</note>"))
        let discreet = try document("presence", grant: .stateOnly) { $0.setDialogs([.call("1")]) }
        #expect(!discreet.contains("phone</note>"))
    }
}
