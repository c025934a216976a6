import Media
import Primitives
import SDP
import SIPDialog
import SIPMessage
import SIPTransaction
import SIPUserAgent
import Testing

@testable import CallControl

/// Offers of our own inside a dialog, seen from one leg: a caller that understands everything.
@Suite struct OwnOfferTests {
    private static let flow = SIPFlow(
        transport: .udp, local: CallWorld.local, remote: Endpoint(address: .v4(0x0A00_0064), port: 40_000))

    /// A leg, and what it sends.
    private struct Bench {
        var context = CallContext(
            agent: UserAgentContext(
                transactions: TransactionLayer(), at: .origin, wall: UnixTime(seconds: 1_800_000_000)))
        var leg: CallLeg
        let invite: SIPRequest
        private var number: UInt32 = 1
        private struct Refused: Error {}

        init(_ offer: [UInt8] = sdp(["PCMU", "PCMA"], port: 30_000)) throws {
            var invite = SIPRequest(
                method: .invite, uri: SIPURI(user: "101", host: "pbx.example"),
                headers: SIPHeaders([
                    .init(.via, "SIP/2.0/UDP 10.0.0.100:40000;branch=z9hG4bK-1"),
                    .init(.from, "<sip:100@pbx.example>;tag=caller"), .init(.to, "<sip:101@pbx.example>"),
                    .init(.callID, "c"), .init(.cseq, "1 INVITE"), .init(.contact, "<sip:100@10.0.0.100:40000>"),
                    .init(.supported, "100rel"), .init(.allow, "INVITE, ACK, BYE, PRACK, UPDATE"),
                    .init(.contentType, "application/sdp"),
                ]))
            invite.body = offer
            let arrived = context.agent.transactions.receive(.request(invite), from: OwnOfferTests.flow, at: .origin)
            guard case .request(let server, let request, _)? = arrived.first else { throw Refused() }
            self.invite = request
            let party = CallParty(number: "100", name: "Ada")
            var media = LegMedia(local: LegMedia.local(address: .v4(0x0A00_0001), session: 8))
            media.bind(port: 20_000)
            let dialog = try Dialog(received: invite, localTag: "pbx", secure: false)
            leg = CallLeg(
                callerOf: Invitation(
                    server: server, request: request, flow: OwnOfferTests.flow, caller: party,
                    destination: .user(party), targets: []),
                dialog: dialog, reference: LegReference(call: 1, leg: 0), media: media,
                timers: .recommended, context: &context)
        }

        mutating func at(_ instant: Instant) {
            var entropy = Entropy(SeededGenerator(seed: 5))
            context.agent.begin(at: instant, wall: UnixTime(seconds: 1_800_000_000), entropy: &entropy)
        }

        /// The requests that were sent since the last time, with their transactions.
        mutating func sent() throws -> [(client: ClientTransactionID, request: SIPRequest)] {
            let bytes = context.agent.pending.compactMap { if case .transmit(let bytes, _) = $0 { bytes } else { nil } }
            context.agent.pending = []
            let requests = try bytes.compactMap {
                if case .request(let request) = try SIPParser.parse($0, framing: .datagram) { request } else { nil }
            }
            return requests.filter { $0.method != .ack }.compactMap { request in
                leg.requests.last { $0.request.headers[.cseq] == request.headers[.cseq] }.map { ($0.client, request) }
            }
        }

        /// The number of the reliable provisional response that was sent last.
        var reliableNumber: UInt32? {
            context.agent.pending.reversed().lazy.compactMap { effect -> UInt32? in
                guard case .transmit(let bytes, _) = effect,
                    case .response(let response)? = try? SIPParser.parse(bytes, framing: .datagram)
                else { return nil }
                return (try? response.rseq()) ?? nil
            }.first
        }

        mutating func request(_ method: SIPMethod, _ fields: [SIPHeaders.Field] = [], body: [UInt8] = []) -> [LegEvent]
        {
            number += 1
            var request = SIPRequest(method: method, uri: SIPURI(user: "101", host: "10.0.0.1"))
            request.headers = SIPHeaders([
                .init(.via, "SIP/2.0/UDP 10.0.0.100:40000;branch=z9hG4bK-\(number)"),
                .init(.from, "<sip:100@pbx.example>;tag=caller"), .init(.to, "<sip:101@pbx.example>;tag=pbx"),
                .init(.callID, "c"), .init(.cseq, "\(number) \(method)"), .init(.contentType, "application/sdp"),
            ])
            for field in fields { request.headers.append(field.name, field.value) }
            request.body = body
            return leg.received(request, ServerTransactionID(100), over: OwnOfferTests.flow, &context)
        }

        mutating func answer(
            _ sent: (client: ClientTransactionID, request: SIPRequest), _ status: Int, _ body: [UInt8] = [],
            contact: String = "<sip:100@10.0.0.100:40000>"
        ) -> [LegEvent] {
            var response = SIPResponse(to: sent.request, status: status)
            response.headers.append(.contact, contact)
            if !body.isEmpty { response.headers.append(.contentType, "application/sdp") }
            response.body = body
            return leg.received(response, to: sent.client, &context)
        }

        mutating func establish() {
            #expect(leg.accept(preferring: [.pcmu], &context))
            acknowledge()
            context.agent.pending = []
        }

        mutating func acknowledge() {
            var ack = SIPRequest(method: .ack, uri: invite.uri)
            ack.headers = SIPHeaders([
                .init(.from, "<sip:100@pbx.example>;tag=caller"), .init(.to, "<sip:101@pbx.example>;tag=pbx"),
                .init(.callID, "c"), .init(.cseq, "1 ACK"),
            ])
            #expect(leg.acknowledged(by: ack, over: OwnOfferTests.flow, &context).isEmpty)
        }
    }

    @Test func `a change is offered by re-INVITE, and what is agreed is told`() throws {
        var bench = try Bench()
        bench.establish()
        bench.leg.media.prefer([.pcma])
        bench.leg.renegotiate(&bench.context)
        bench.leg.renegotiate(&bench.context)
        let offers = try bench.sent()
        #expect(offers.map(\.request.method) == [.invite], "one after the other")
        #expect(
            try SessionDescription.parse(#require(offers.first).request.body).media[0].audioFormats.first?.encodingName
                == "PCMA")
        #expect(try #require(offers.first).request.headers.contains(.contact))
        #expect(try bench.answer(#require(offers.first), 100).isEmpty)
        #expect(
            try bench.answer(#require(offers.first), 200, sdp(["PCMA"], port: 30_000, version: 2)) == [.mediaChanged])
        #expect(bench.leg.media.stream?.codec == .pcma)
        #expect(try bench.sent().map(\.request.method) == [.invite], "what was wished for meanwhile follows")
    }

    @Test func `a change that is wished for before the ACK waits for it`() throws {
        var bench = try Bench()
        #expect(bench.leg.accept(preferring: [.pcmu], &bench.context))
        bench.leg.renegotiate(&bench.context)
        #expect(try bench.sent().isEmpty)
        bench.acknowledge()
        #expect(try bench.sent().map(\.request.method) == [.invite])
    }

    @Test func `before the answer a change is offered by UPDATE, once the first description was acknowledged`() throws {
        var bench = try Bench()
        bench.leg.progress(preferring: [.pcmu], &bench.context)
        bench.leg.renegotiate(&bench.context)
        let rseq = try #require(bench.reliableNumber)
        #expect(try bench.sent().isEmpty, "the PRACK is outstanding")
        #expect(bench.request(.prack, [.init(.rack, "\(rseq) 1 INVITE")]).isEmpty)
        let offers = try bench.sent()
        #expect(offers.map(\.request.method) == [.update])
        #expect(
            try bench.answer(#require(offers.first), 200, sdp(["PCMU"], port: 30_600, version: 2)) == [.mediaChanged])
        #expect(bench.leg.media.stream?.remote?.port == 30_600)
    }

    @Test func `a refused change is told, and the next one begins from what was agreed`() throws {
        var bench = try Bench()
        bench.establish()
        let before = bench.leg.media.stream
        bench.leg.renegotiate(&bench.context)
        let offer = try #require(try bench.sent().first)
        #expect(bench.answer(offer, 488) == [.offerRefused(status: 488)])
        #expect(bench.leg.media.stream == before)
        #expect(bench.leg.isEstablished)
        #expect(try bench.sent().isEmpty)
    }

    @Test func `after 491 an offer waits, up to its limit`() throws {
        var bench = try Bench()
        bench.establish()
        bench.leg.renegotiate(&bench.context)
        var events: [LegEvent] = []
        var now = Instant.origin
        var waits: [Duration] = []
        while events.isEmpty, waits.count < 20 {
            let offer = try #require(try bench.sent().first)
            events = bench.answer(offer, 491)
            guard let due = bench.leg.nextDeadline else { break }
            waits.append(due - now)
            now = due
            bench.at(now)
            #expect(bench.leg.deadline(&bench.context).isEmpty)
        }
        #expect(events == [.offerRefused(status: 491)])
        #expect(waits.count == CallLeg.retryLimit)
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(2) }, "the Call-ID is the peer's")
    }

    @Test func `a peer that answers from another Contact is followed, one behind a translator is not`() throws {
        for (before, after, port) in [("10.0.0.100", "10.0.0.100", 41_000), ("192.168.1.2", "192.168.1.2", 40_000)] {
            var bench = try Bench()
            bench.establish()
            _ = bench.request(.update, [.init(.contact, "<sip:100@\(before):40000>")])
            bench.leg.flow = Self.flow
            bench.leg.renegotiate(&bench.context)
            let offer = try #require(try bench.sent().last)
            let contact = "<sip:100@\(after):41000>"
            _ = bench.answer(offer, 200, sdp(["PCMU"], port: 30_000, version: 2), contact: contact)
            #expect(bench.leg.flow.remote.port == UInt16(port))
        }
    }

    @Test func `an answer without description ends the session`() throws {
        var bench = try Bench()
        bench.establish()
        bench.leg.renegotiate(&bench.context)
        let offer = try #require(try bench.sent().first)
        #expect(bench.answer(offer, 200) == [.hungUp])
        #expect(bench.leg.endReasons.map(\.cause) == [488])
        #expect(!bench.leg.isEstablished)
    }
}
