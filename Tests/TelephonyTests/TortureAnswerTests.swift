import ApplianceCore
import OpenSSLCrypto
import Persistence
import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction
import Settings
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What the appliance answers to a torture message that its parser accepts: a line of `Vectors/answers.tsv`.
struct TortureAnswer: Sendable, CustomTestStringConvertible {
    let file: String
    /// Nil: silence.
    let toAnybody: Int?
    /// What the same message gets with credentials of its sender; nil when nobody is asked for credentials.
    let toUser: Int?
    let why: String

    var testDescription: String { "\(file): \(why)" }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "SIPMessageTests/Vectors")

    static let all: [TortureAnswer] = {
        guard let data = try? Data(contentsOf: folder.appending(path: "answers.tsv")) else { return [] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let columns = line.split(separator: "\t").map(String.init)
            return TortureAnswer(
                file: columns[0], toAnybody: Int(columns[1]), toUser: Int(columns[2]), why: columns[3])
        }
    }()

    static func bytes(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: "\(file).dat")))
    }
}

/// Every torture message as a datagram to the whole of `Telephony`.
@Suite struct TortureAnswerTests {
    private static let sender = SIPFlow(
        transport: .udp, local: World.servers[.udp]!, remote: Endpoint(address: .v4(0x0A00_00C8), port: 5060))

    /// The appliance with these users, the second of whom has a telephone that is busy.
    private struct Site {
        let world: World
        let callee: Phone

        init(sender: String, called: String) {
            var settings = World.settings()
            settings.users = [sender, called].map {
                UserSettings(extension: $0, name: $0, password: Secret("secret\($0)"))
            }
            let contact = SIPURI(user: called, host: "10.0.0.100", port: 40_100)
            let binding = BindingRecord(
                contact: "<\(contact)>", callID: "kept", cseq: 1, expiresAt: World.wallStart + .seconds(600),
                flow: "UDP 10.0.0.1:5060 10.0.0.100:40100")
            world = World(settings, bindings: [called: [binding]])
            callee = Phone(world, called, port: 40_100)
        }

        /// Lets the bytes arrive, and the busy telephone answer; gives the final answers that the sender gets.
        func answers(to bytes: [UInt8]) throws -> [SIPResponse] {
            let before = world.trace.count
            world.feed(.message(bytes, TortureAnswerTests.sender))
            for output in world.trace[before...] {  // the telephone has no TCP
                if case .transmit(_, let flow) = output, flow.transport == .tcp { world.feed(.flowClosed(flow)) }
            }
            if callee.has(.invite) { callee.respond(try callee.nextRequest(.invite), 486) }
            return try world.trace[before...].compactMap { output -> SIPResponse? in
                guard case .transmit(let bytes, let flow) = output, flow.remote.address == sender.remote.address,
                    case .response(let response) = try SIPParser.parse(bytes)
                else { return nil }
                return response.isFinal ? response : nil
            }
        }
    }

    private static func site(for message: SIPMessage) throws -> Site {
        var called: String?
        if case .request(let request) = message { called = request.uri.user }
        return Site(sender: try message.from().uri.user ?? "caller", called: called ?? "callee")
    }

    @Test func `the table of answers is there`() {
        #expect(TortureAnswer.all.count > 30)
    }

    @Test(arguments: TortureAnswer.all)
    func `a torture message has its answer, and leaves nothing behind`(row: TortureAnswer) throws {
        let bytes = try TortureAnswer.bytes(row.file)
        let message = try SIPParser.parse(bytes)
        let site = try Self.site(for: message)
        let answers = try site.answers(to: bytes)
        #expect(answers.map(\.status) == [row.toAnybody].compactMap { $0 })
        if let challenge = answers.first, challenge.status == 401, case .request(let request) = message {
            let answers = try site.answers(to: try Self.authorised(bytes, request, by: challenge))
            #expect(answers.map(\.status) == [row.toUser].compactMap { $0 })
        } else {
            #expect(row.toUser == nil)
        }
        site.world.expectEverythingEnded()
    }

    /// The same bytes with credentials of whom From names, in a line of their own below the Request-Line.
    private static func authorised(
        _ bytes: [UInt8], _ request: SIPRequest, by challenge: SIPResponse
    ) throws -> [UInt8] {
        let name = try request.from().uri.user ?? "caller"
        let credentials = try #require(
            DigestClient.authorization(
                for: challenge.challenges(), username: name, password: Secret("secret\(name)"), method: request.method,
                uri: request.uri.description, nc: 1, cnonce: "c", hashes: OpenSSLHashes()))
        let end = try #require(bytes.firstIndex(of: 0x0A))
        return bytes[...end] + Array("Authorization: \(credentials.description)\r\n".utf8) + bytes[(end + 1)...]
    }

    @Test(arguments: ["rfc4475", "rfc5118"])
    func `what the parser refuses gets its refusal or nothing, and leaves nothing behind`(folder: String) throws {
        let path = TortureAnswer.folder.appending(path: folder).path()
        let files = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".dat") }
        let refused = files.map { "\(folder)/\($0.dropLast(4))" }.filter { file in
            !TortureAnswer.all.contains { $0.file == file }
        }
        for file in refused.sorted() {
            let site = Site(sender: "caller", called: "callee")
            let answers = try site.answers(to: try TortureAnswer.bytes(file))
            #expect(answers.allSatisfy { [400, 505].contains($0.status) } && answers.count <= 1, "\(file)")
            #expect(site.world.count("sip.malformed") == 1, "\(file)")
            site.world.expectEverythingEnded()
        }
    }
}
