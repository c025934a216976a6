import Events
import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Testing

@Suite struct SubscriptionTests {
    // MARK: SUBSCRIBE

    @Test func `a SUBSCRIBE is granted and followed by the whole state`() throws {
        let exchange = Exchange()
        let answer = try #require(exchange.send(event: "dialog;id=7"))
        #expect(answer.status == 200)
        #expect(answer.headers[.expires] == "600")
        #expect(answer.headers.contains(.contact))
        let notify = try #require(exchange.taken())
        #expect(try notify.event() == EventHeader(name: "dialog", id: "7"))
        #expect(notify.state?.state == .active)
        #expect(notify.state?.expires == 600)
        #expect(notify.headers[.contentType] == "application/dialog-info+xml")
        #expect(notify.uri.description == "sip:101@10.0.0.7:5060")
        #expect(try notify.to().tag == "w")
        #expect(try notify.from().tag == answer.to().tag)
        #expect(notify.text.contains("version=\"0\" state=\"full\" entity=\"sip:100@pbx.example\""))
        #expect(exchange.notifies.isEmpty)
    }

    @Test(
        arguments: [
            (nil, 489), ("", 489), (";id=1", 489), ("winfo", 489), ("Dialog", 489), ("refer", 489), ("dialog;id", 200),
            ("dialog;sla;x=\"\\\"", 489), ("dialog;id=" + String(repeating: "x", count: 5_000), 400),
            ("dialog ; id = \"a b\"", 200), ("presence.winfo", 489),
        ] as [(String?, Int)])
    func `what Event names must be a package of ours`(event: String?, status: Int) {
        let exchange = Exchange()
        let answer = exchange.send(event: event)
        #expect(answer?.status == status)
        if status == 489 {
            #expect(answer?.headers[.allowEvents] == "dialog, message-summary, presence, reg")
        }
        #expect(exchange.server.count == (status == 200 ? 1 : 0))
    }

    @Test(arguments: [
        ("application/dialog-info+xml", 200), ("Application/Dialog-Info+XML;q=0.5, text/plain", 200), ("*/*", 200),
        ("application/*;level=1", 200), ("application/pidf+xml", 406), ("", 406), (",;,\"", 406),
    ])
    func `Accept must leave room for the package's type`(accept: String, status: Int) {
        #expect(Exchange().send(more: [.init(.accept, accept)])?.status == status)
    }

    @Test(
        arguments: [
            (nil, "3600"), ("3600", "3600"), ("999999", "3600"), ("60", "60"), ("rubbish", "3600"), ("59", nil),
            ("1", nil),
        ] as [(String?, String?)])
    func `the interval is the wish within its bounds`(wish: String?, granted: String?) {
        let exchange = Exchange()
        let answer = exchange.send(expires: wish)
        #expect(answer?.headers[.expires] == granted)
        if granted == nil {
            #expect(answer?.status == 423)
            #expect(answer?.headers[.minExpires] == "60")
            #expect(exchange.server.isIdle)
        }
    }

    @Test(arguments: [403, 404])
    func `whom the caller refuses gets no subscription, and a strange package is 489 before that`(status: Int) {
        let exchange = Exchange()
        #expect(exchange.send(grant: .refused(status: status))?.status == status)
        #expect(exchange.send(event: "strange", callID: "b", grant: .refused(status: status))?.status == 489)
        #expect(exchange.send(event: "reg", callID: "c", grant: .stateOnly)?.status == 403)
        #expect(exchange.server.isIdle)
        #expect(exchange.notifies.isEmpty)
    }

    @Test func `a fetch is answered with one last NOTIFY that has the state`() throws {
        let exchange = Exchange()
        exchange.setDialogs([.call("1")])
        #expect(exchange.send(expires: "0")?.headers[.expires] == "0")
        let notify = try #require(exchange.taken())
        #expect(notify.state == SubscriptionState(.terminated, reason: .timeout))
        #expect(notify.text.contains("confirmed"))
        #expect(exchange.server.isIdle)
    }

    @Test func `a Contact is needed`() {
        let exchange = Exchange()
        #expect(exchange.send(contact: "*")?.status == 400)
        #expect(exchange.server.isIdle)
    }

    // MARK: In the dialog

    @Test func `a refresh prolongs and tells everything anew`() throws {
        let exchange = Exchange()
        let tag = try #require(exchange.send(expires: "100")?.to().tag)
        _ = exchange.taken()
        exchange.advance(by: .seconds(90))
        #expect(exchange.send(expires: "100", cseq: 2, tag: tag)?.status == 200)
        let notify = try #require(exchange.taken())
        #expect(notify.state?.expires == 100)
        #expect(notify.text.contains("version=\"1\" state=\"full\""))
        #expect(try notify.cseq().number == 2)
        exchange.advance(by: .seconds(99))
        #expect(exchange.notifies.isEmpty)
        exchange.advance(by: .seconds(2))
        #expect(exchange.notifies.count == 1)
    }

    @Test func `Expires 0 ends the subscription`() throws {
        let exchange = Exchange()
        let tag = try #require(exchange.send()?.to().tag)
        _ = exchange.taken()
        #expect(exchange.send(expires: "0", cseq: 2, tag: tag)?.status == 200)
        #expect(exchange.taken()?.state == SubscriptionState(.terminated, reason: .timeout))
        #expect(exchange.server.isIdle)
        #expect(exchange.send(cseq: 3, tag: tag)?.status == 481)
    }

    @Test func `what does not belong into the dialog is refused and changes nothing`() throws {
        let exchange = Exchange()
        let tag = try #require(exchange.send(event: "dialog;id=1", cseq: 5)?.to().tag)
        _ = exchange.taken()
        #expect(exchange.server.owns(tag: tag))
        #expect(exchange.send(event: "dialog;id=1", cseq: 4, tag: tag)?.status == 500)
        #expect(exchange.send(event: "dialog;id=2", cseq: 6, tag: tag)?.status == 481)
        #expect(exchange.send(event: "presence", cseq: 7, tag: tag)?.status == 481)
        #expect(exchange.send(event: "strange", cseq: 8, tag: tag)?.status == 489)
        #expect(exchange.send(event: "dialog;id=1", expires: "5", cseq: 9, tag: tag)?.status == 423)
        #expect(exchange.send(callID: "other", cseq: 10, tag: tag)?.status == 481)
        #expect(exchange.send(cseq: 11, tag: tag, method: .bye)?.status == 405)
        #expect(exchange.send(cseq: 1, tag: "stranger")?.status == 481)
        #expect(exchange.notifies.isEmpty)
        #expect(exchange.server.count == 1)
    }

    @Test func `a refresh from elsewhere moves the NOTIFYs there`() throws {
        let exchange = Exchange()
        let tag = try #require(exchange.send()?.to().tag)
        _ = exchange.taken()
        exchange.advance(by: .seconds(1))
        exchange.send(cseq: 2, tag: tag, contact: "<sip:101@10.0.0.9:5070>")
        #expect(exchange.taken()?.uri.description == "sip:101@10.0.0.9:5070")
    }

    @Test func `nobody refreshes, so the subscription runs out`() throws {
        let exchange = Exchange()
        exchange.send(expires: "60")
        _ = exchange.taken()
        exchange.advance(by: .seconds(61))
        #expect(exchange.taken()?.state == SubscriptionState(.terminated, reason: .timeout))
        exchange.advance(by: .seconds(60))
        #expect(exchange.server.isIdle)
        #expect(exchange.server.nextDeadline == nil)
    }

    // MARK: Limits

    @Test func `a user has a limited number of subscriptions, and all users have`() {
        var limits = Limits()
        limits.subscriptionsPerUser = 2
        limits.subscriptions = 3
        let exchange = Exchange(limits: limits)
        for user in ["100", "102"] { #expect(exchange.send(user, callID: user)?.status == 200) }
        let third = exchange.send("103", callID: "c")
        #expect(third?.status == 503)
        #expect(third?.headers.contains(.retryAfter) == true)
        #expect(exchange.send("103", callID: "d", watcher: "104")?.status == 200)
        #expect(exchange.send("103", callID: "e", watcher: "105")?.status == 503)
        #expect(exchange.agent.counts.count { $0 == "subscriptions.refused" } == 2)
        #expect(exchange.server.count == 3)
    }

    @Test func `a telephone that starts anew takes the place of its old subscription`() throws {
        let exchange = Exchange()
        let old = try #require(exchange.send(callID: "before")?.to().tag)
        _ = exchange.taken()
        #expect(exchange.send(callID: "after")?.status == 200)
        _ = exchange.taken()
        #expect(exchange.server.count == 1)
        #expect(!exchange.server.owns(tag: old))
        #expect(exchange.send(callID: "elsewhere", contact: "<sip:101@10.0.0.8>")?.status == 200)
        #expect(exchange.server.count == 2)
    }

    @Test func `mutated Event, Accept and Contact never trap`() {
        var generator = SeededGenerator(seed: 11)
        let exchange = Exchange()
        func mutated(_ text: String) -> String {
            var bytes = Array(text.utf8)
            for _ in 0..<(1 + generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(32 + generator.next() % 95)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        for round in 0..<400 {
            let answer = exchange.send(
                event: mutated("dialog;id=\"7\";x=y"), callID: "\(round)",
                contact: mutated("<sip:101@10.0.0.7:5060;transport=udp>"),
                more: [.init(.accept, mutated("application/dialog-info+xml, text/*;q=0.1"))])
            #expect(answer != nil || exchange.notifies.isEmpty)
            while exchange.taken() != nil {}
        }
        #expect(exchange.server.count <= Limits().subscriptionsPerUser)
    }
}
