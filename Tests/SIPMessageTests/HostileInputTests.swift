import Primitives
import SIPMessage
import Testing

@Suite struct HostileInputTests {
    private static let seeds: [[UInt8]] =
        TortureCase.all.compactMap { try? $0.bytes } + [message(extra: "Content-Length: 0\r\n")]

    /// A few edits: bytes flipped, cut, doubled or replaced by delimiters.
    private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        let delimiters = Array("\r\n:;,<>\"@ =%[]?*\\\u{0}".utf8)
        var result = bytes
        for _ in 0..<Int.random(in: 1...6, using: &generator) where !result.isEmpty {
            let index = Int.random(in: 0..<result.count, using: &generator)
            switch generator.next() % 5 {
            case 0: result[index] = UInt8(truncatingIfNeeded: generator.next())
            case 1: result.remove(at: index)
            case 2: result.insert(delimiters[Int(generator.next() % UInt64(delimiters.count))], at: index)
            case 3: result[index] = delimiters[Int(generator.next() % UInt64(delimiters.count))]
            default:
                let end = min(result.count, index + Int(generator.next() % 16))
                result.insert(contentsOf: result[index..<end], at: index)
            }
        }
        return result
    }

    private func touchEverything(_ message: SIPMessage) {
        _ = try? message.topVia().description
        _ = try? message.vias()
        _ = try? message.from().description
        _ = try? message.to().description
        _ = try? message.callID()
        _ = try? message.cseq().description
        _ = try? message.contacts()
        _ = try? message.routes()
        _ = try? message.recordRoutes()
        _ = message.expires()
        _ = try? message.maxForwards()
        _ = message.authorizations().map(\.description)
        _ = message.challenges()
        _ = message.tokens(.supported)
        if case .request(let request) = message {
            _ = try? request.validate()
            _ = SIPResponse(to: request, status: 400, toTag: "t").serialised()
            _ = request.uri.isEquivalent(to: request.uri)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64]) func `mutated messages never trap, and what parses survives the wire`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        var parsedCount = 0
        for round in 0..<1_800 {
            let bytes = mutated(Self.seeds[round % Self.seeds.count], &generator)
            let parsed: SIPMessage
            do throws(SIPParseError) {
                parsed = try SIPParser.parse(bytes)
            } catch {
                _ = SIPParser.rejection(of: bytes, because: error)?.serialised()
                #expect(!error.description.isEmpty)
                continue
            }
            parsedCount += 1
            touchEverything(parsed)
            let once = try SIPParser.parse(parsed.serialised())
            #expect(Self.withoutLength(once) == Self.withoutLength(parsed))
            #expect(try SIPParser.parse(once.serialised(), framing: .stream) == once)
        }
        #expect(parsedCount > 400)
    }

    private static func withoutLength(_ message: SIPMessage) -> SIPMessage {
        switch message {
        case .request(var request):
            request.headers.remove(.contentLength)
            return .request(request)
        case .response(var response):
            response.headers.remove(.contentLength)
            return .response(response)
        }
    }

    @Test(arguments: [5, 6] as [UInt64]) func `a mutated stream never traps the framer and stays bounded`(
        seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        let limits = Limits()
        for round in 0..<1_000 {
            var framer = SIPStreamFramer(limits: limits)
            var bytes = mutated(
                Self.seeds[round % Self.seeds.count] + Self.seeds[(round + 1) % Self.seeds.count], &generator)
            while !bytes.isEmpty {
                let count = min(bytes.count, Int.random(in: 1...400, using: &generator))
                framer.append(bytes.prefix(count))
                bytes.removeFirst(count)
                while let frame = try? framer.next() {
                    if case .message(let whole) = frame { _ = try? SIPParser.parse(whole, framing: .stream) }
                }
                #expect(framer.bufferedBytes <= 2 * limits.sipMessageBytes)
            }
        }
    }

    @Test(arguments: [7] as [UInt64]) func `addresses that read write what reads the same`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let texts = [
            #""A \"B\"" <sip:a%20b:pw@h.example:5060;lr;x=%3B?h=v>;tag=1;y="q,r""#, "sip:u;x@h;tag=2",
            "<tel:+1-2;phone-context=x>", "<urn:a:b>;z",
        ].map { Array($0.utf8) }
        for round in 0..<5_000 {
            let text = String(decoding: mutated(texts[round % texts.count], &generator), as: UTF8.self)
            guard let address = try? NameAddress(parsing: text) else { continue }
            if address.description.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) { Issue.record("line break") }
            // CR and LF inside a quoted string become spaces, all else stays.
            if text.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) { continue }
            #expect(try NameAddress(parsing: address.description) == address, "\(text)")
        }
    }

    /// Found by the fuzzer; its inputs are kept in Tests/Fuzz/Crashers.
    @Test func `a URI with a parameter twice is still equivalent to itself`() throws {
        let uri = try SIPURI(parsing: "tel:+49-30-1234;p=example;x;p=other")
        #expect(uri.isEquivalent(to: uri))
    }
}
