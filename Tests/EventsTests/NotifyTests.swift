import Events
import Primitives
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Testing

@Suite struct NotifyTests {
    /// An exchange with one subscription of 101 to the calls of 100, told of once.
    private func subscribed(
        _ event: String = "dialog", expires: String = "600", grant: SubscriptionGrant = .full,
        over flow: SIPFlow = Exchange.flow, contact: String = "<sip:101@10.0.0.7:5060>"
    ) -> Exchange {
        let exchange = Exchange()
        exchange.send(event: event, expires: expires, contact: contact, grant: grant, over: flow)
        _ = exchange.taken()
        exchange.advance(by: .seconds(1))
        return exchange
    }

    @Test func `a change is told at once, the next ones not sooner than a quarter of a second later`() throws {
        let exchange = subscribed()
        exchange.setDialogs([.call("1", .early)])
        #expect(exchange.taken()?.text.contains("<state>early</state>") == true)
        exchange.setDialogs([.call("1", .confirmed)])
        exchange.setDialogs([.call("1", .confirmed), .call("2", .trying)])
        #expect(exchange.notifies.isEmpty)
        exchange.advance(by: .milliseconds(249))
        #expect(exchange.notifies.isEmpty)
        exchange.advance(by: .milliseconds(1))
        let both = try #require(exchange.taken())
        #expect(both.text.contains("confirmed"))
        #expect(both.text.contains("trying"))
        #expect(both.text.contains("version=\"2\""))
    }

    @Test func `one NOTIFY is under way at a time, and the next has all that changed meanwhile`() throws {
        let exchange = subscribed()
        exchange.setDialogs([.call("1", .early)])
        let first = try #require(exchange.notifies.first)
        exchange.advance(by: .seconds(2))
        exchange.setDialogs([.call("1", .confirmed)])
        exchange.setDialogs([])
        #expect(exchange.notifies.count == 1)
        exchange.answer(first)
        let second = try #require(exchange.notifies.last)
        #expect(exchange.notifies.count == 2)
        #expect(second.text.contains("<state>terminated</state>"))
    }

    @Test func `what is as it was told needs no NOTIFY`() {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        _ = exchange.taken()
        exchange.setDialogs([])
        exchange.setDialogs([.call("1")])
        exchange.advance(by: .seconds(5))
        #expect(exchange.notifies.isEmpty)
        exchange.setDialogs([.call("1")], of: "102")
        #expect(exchange.notifies.isEmpty)
    }

    @Test func `an end is written once and then forgotten`() throws {
        let exchange = subscribed()
        exchange.setDialogs([.call("1"), .call("2")])
        _ = exchange.taken()
        exchange.advance(by: .seconds(1))
        exchange.setDialogs([.call("2")])
        let notify = try #require(exchange.taken())
        #expect(notify.text.contains("<dialog id=\"1\""))
        #expect(notify.text.contains("<state>terminated</state>"))
        exchange.advance(by: .seconds(1))
        exchange.setDialogs([])
        #expect(exchange.taken()?.text.contains("<dialog id=\"1\"") == false)
    }

    @Test func `calls are told of one by one too, and the end with its reason`() throws {
        let exchange = subscribed()
        exchange.act { $0.note(.call("1", .early), of: "100", &$1) }
        #expect(exchange.taken()?.text.contains("early") == true)
        exchange.advance(by: .seconds(1))
        exchange.act { $0.note(.call("1", .confirmed), of: "100", &$1) }
        #expect(exchange.taken()?.text.contains("confirmed") == true)
        exchange.advance(by: .seconds(1))
        var end = WatchedDialog.call("1", .terminated)
        end.event = "rejected"
        end.code = 486
        exchange.act { $0.note(end, of: "100", &$1) }
        #expect(exchange.taken()?.text.contains("<state event=\"rejected\" code=\"486\">terminated</state>") == true)
        exchange.advance(by: .seconds(1))
        exchange.act { $0.note(end, of: "100", &$1) }
        #expect(exchange.notifies.isEmpty, "it had ended already")
    }

    // MARK: Subscribers that are gone

    @Test(arguments: [481, 404, 408, 480, 500, 503, 604, 401])
    func `an error ends the subscription without another word`(status: Int) {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        exchange.answer(exchange.notifies.removeFirst(), status)
        #expect(exchange.server.count == 0)
        exchange.setDialogs([])
        exchange.advance(by: .seconds(60))
        #expect(exchange.notifies.isEmpty)
        #expect(exchange.agent.counts.contains("subscriptions.lost"))
        #expect(exchange.server.nextDeadline == nil)
    }

    @Test func `a NOTIFY that nobody answers ends the subscription after 32 seconds`() {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        exchange.advance(by: .seconds(31))
        #expect(exchange.server.count == 1)
        exchange.advance(by: .seconds(2))
        #expect(exchange.server.count == 0)
        #expect(exchange.server.isIdle)
    }

    @Test func `a lost answer is made up for by the repetition`() throws {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        exchange.advance(by: .seconds(3))
        _ = exchange.taken()
        exchange.setDialogs([])
        #expect(exchange.taken() != nil)
        #expect(exchange.server.count == 1)
    }

    @Test func `Retry-After puts off, three times, and then everything is told`() throws {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        for _ in 1...3 {
            exchange.answer(exchange.notifies.removeFirst(), 503, fields: [.init(.retryAfter, "10 (busy);duration=9")])
            exchange.advance(by: .milliseconds(9_999))
            #expect(exchange.notifies.isEmpty)
            exchange.advance(by: .milliseconds(1))
            #expect(exchange.notifies.last?.text.contains("state=\"full\"") == true)
            #expect(exchange.notifies.last?.text.contains("confirmed") == true)
        }
        exchange.answer(exchange.notifies.removeFirst(), 503, fields: [.init(.retryAfter, "10")])
        #expect(exchange.server.isIdle)
    }

    @Test(arguments: ["99999999999999999999", "x", "-5", ""])
    func `a strange Retry-After neither traps nor keeps forever`(value: String) {
        let exchange = subscribed()
        exchange.setDialogs([.call("1")])
        exchange.answer(exchange.notifies.removeFirst(), 500, fields: [.init(.retryAfter, value)])
        exchange.advance(by: .seconds(301))  // the longest that is waited
        for notify in exchange.notifies { exchange.answer(notify, 481) }
        #expect(exchange.server.count == 0)
    }

    @Test func `an expiry while a NOTIFY is under way is told after it`() throws {
        let exchange = subscribed(expires: "60")
        exchange.advance(by: .seconds(58))
        exchange.setDialogs([.call("1")])
        exchange.advance(by: .seconds(5))
        #expect(exchange.notifies.count == 1)
        _ = exchange.taken()
        #expect(exchange.taken()?.state == SubscriptionState(.terminated, reason: .timeout))
        #expect(exchange.server.isIdle)
    }

    @Test func `over a closed connection the subscription stays if the telephone can be dialled`() throws {
        var stream = Exchange.flow
        stream.transport = .tcp
        stream.connection = 4
        stream.remote = Endpoint("10.0.0.7:41234")!
        let reachable = subscribed(over: stream, contact: "<sip:101@10.0.0.7:5062;transport=tcp>")
        reachable.act { $0.flowClosed(stream, &$1) }
        #expect(reachable.server.count == 1)
        reachable.setDialogs([.call("1")])
        #expect(reachable.notifies.count == 1)
        let hidden = subscribed(over: stream, contact: "<sip:101@192.168.1.2;transport=tcp>")
        hidden.act { $0.flowClosed(stream, &$1) }
        #expect(hidden.server.isIdle)
    }

    // MARK: Settings

    @Test func `everybody is sent away with a reason`() throws {
        let exchange = subscribed()
        exchange.act { $0.endAll(.probation, retryAfter: 30, &$1) }
        let notify = try #require(exchange.taken())
        #expect(notify.headers[.subscriptionState] == "terminated;reason=probation;retry-after=30")
        #expect(notify.body.isEmpty)
        #expect(exchange.server.isIdle)
    }

    @Test func `after a change of settings only what is still allowed goes on`() throws {
        let exchange = Exchange()
        for (user, watcher) in [("100", "101"), ("102", "101"), ("103", "105")] {
            exchange.send(user, callID: user, watcher: watcher)
            _ = exchange.taken()
        }
        exchange.act { server, agent in
            server.keepOnly(
                isUser: { $0 != "100" }, { watcher, _, _ in watcher == "105" ? .rejected : nil }, &agent)
        }
        let states = [exchange.taken(), exchange.taken()].compactMap { $0?.headers[.subscriptionState] }
        #expect(states == ["terminated;reason=noresource", "terminated;reason=rejected"])
        #expect(exchange.server.count == 1)
    }

    // MARK: Without a subscription

    @Test func `a telephone is told to fetch its settings, and the outcome is known`() throws {
        let exchange = Exchange()
        let target = NotificationTarget(
            uri: try SIPURI(parsing: "sip:100@192.168.1.7:5060;x=y?h=1"),
            route: [try NameAddress(parsing: "<sip:10.0.0.2;lr>")], flow: Exchange.flow)
        exchange.act { $0.resync("100", domain: Exchange.domain, at: [target], reboot: true, &$1) }
        let notify = try #require(exchange.notifies.first)
        #expect(notify.headers[.event] == "check-sync;reboot=true")
        #expect(notify.headers[.subscriptionState]?.hasPrefix("terminated") == true)
        #expect(notify.headers[.route] == "<sip:10.0.0.2;lr>")
        #expect(notify.uri.description == "sip:100@192.168.1.7:5060;x=y")
        _ = exchange.taken()
        let outcomes = exchange.server.takeOutcomes()
        #expect(outcomes.map(\.user) == ["100"])
        #expect(outcomes.map(\.purpose) == [.resync])
        #expect(outcomes.map(\.status) == [200])
        exchange.act { $0.resync("100", domain: Exchange.domain, at: [target], reboot: false, &$1) }
        exchange.advance(by: .seconds(33))
        #expect(exchange.server.takeOutcomes().map(\.status) == [408])
        #expect(exchange.server.isIdle)
    }

    @Test func `waiting messages are told to who did not ask, by configuration`() throws {
        let exchange = Exchange()
        let target = NotificationTarget(uri: SIPURI(user: "100", host: "10.0.0.7"), flow: Exchange.flow)
        exchange.act { $0.sendMessageSummary(of: "100", domain: Exchange.domain, to: [target], &$1) }
        #expect(exchange.notifies.isEmpty, "nothing is known of a mailbox")
        exchange.act { $0.setMessageSummary(of: "100", to: MessageSummary(new: 2, old: 8), &$1) }
        exchange.act { $0.sendMessageSummary(of: "100", domain: Exchange.domain, to: [target], &$1) }
        let notify = try #require(exchange.taken())
        #expect(notify.headers[.event] == "message-summary")
        #expect(notify.text.contains("Voice-Message: 2/8 (0/0)"))
    }

    @Test func `notifications without subscription are limited too`() {
        var limits = Limits()
        limits.subscriptions = 2
        let exchange = Exchange(limits: limits)
        let target = NotificationTarget(uri: SIPURI(user: "100", host: "10.0.0.7"), flow: Exchange.flow)
        exchange.act { server, agent in
            let targets = [target, target, target]
            server.resync("100", domain: Exchange.domain, at: targets, reboot: false, &agent)
        }
        #expect(exchange.notifies.count == 2)
        #expect(exchange.server.takeOutcomes().map(\.status) == [503])
    }
}
