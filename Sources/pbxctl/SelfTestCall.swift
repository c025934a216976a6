import Glibc
import HALLinux
import OpenSSLCrypto
import Primitives
import SIPDialog
import SIPMessage

/// A call of the machine to its own appliance: registrar's password, call control, media workers and their sockets all have to
/// work for what was said to come back.
struct SelfTestCall {
    /// What the appliance calls the account (`SelfTestAccount`).
    private static let account = "self-test"
    private static let packets = 25
    private static let enough = 15

    private let signalling: LoopbackSocket
    private let media: LoopbackSocket
    private let sipPort: UInt16
    private let patience: Int
    private let callID: String
    private var digest: DigestSession
    private var entropy: Entropy
    private var sequence = 0

    init(password: Secret, sipPort: UInt16, patience: Int) throws(CommandFailure) {
        signalling = try LoopbackSocket()
        media = try LoopbackSocket()
        self.sipPort = sipPort
        self.patience = patience
        entropy = SystemEntropy().makeEntropy()
        callID = entropy.hexToken(bytes: 8)
        digest = DigestSession(username: Self.account, password: password, hashes: OpenSSLHashes())
    }

    /// Calls, speaks, listens, hangs up; how many packets came back of how many.
    mutating func perform() throws -> (back: Int, of: Int) {
        var answer = try ask(invite())
        if digest.receive(answer) == .retry {
            acknowledge(answer)
            answer = try ask(invite())
        }
        acknowledge(answer)
        guard answer.isSuccess else {
            throw CommandFailure(.general, "the call was answered with \(answer.status) \(answer.reason)")
        }
        let back = try speak(to: answer)
        sequence += 1
        let bye = try ask(request(.bye, to: try answer.to().tag))
        guard bye.isSuccess else { throw CommandFailure(.general, "BYE was answered with \(bye.status)") }
        guard back >= Self.enough else {
            throw CommandFailure(.general, "\(back) of \(Self.packets) packets came back from the echo")
        }
        return (back, Self.packets)
    }

    // MARK: Signalling

    private mutating func invite() throws -> SIPRequest {
        sequence += 1
        let offer = """
            v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
            m=audio \(media.port) RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n
            """
        var request = try request(.invite, to: nil, body: offer)
        digest.authorise(&request, entropy: &entropy)
        return request
    }

    private func request(
        _ method: SIPMethod, to tag: String?, in transaction: SIPMethod? = nil, body: String = ""
    ) throws -> SIPRequest {
        let name = method.rawValue
        var lines = [
            "\(name) sip:\(Self.account)@127.0.0.1:\(sipPort) SIP/2.0",
            "Via: SIP/2.0/UDP 127.0.0.1:\(signalling.port);branch=z9hG4bK-\(callID)-\(sequence)-\(transaction ?? method);rport",
            "Max-Forwards: 70", "From: <sip:\(Self.account)@127.0.0.1>;tag=\(signalling.port)",
            "To: <sip:\(Self.account)@127.0.0.1>\(tag.map { ";tag=\($0)" } ?? "")",
            "Call-ID: \(callID)@127.0.0.1", "CSeq: \(sequence) \(name)",
            "Contact: <sip:\(Self.account)@127.0.0.1:\(signalling.port)>",
        ]
        if !body.isEmpty { lines.append("Content-Type: application/sdp") }
        lines += ["Content-Length: \(body.utf8.count)", "", body]
        let message = try SIPParser.parse(Array(lines.joined(separator: "\r\n").utf8), framing: .datagram)
        guard case .request(let request) = message else { throw CommandFailure(.general, "no request was made") }
        return request
    }

    /// The final answer to a request that is sent again each half second.
    private func ask(_ request: SIPRequest) throws -> SIPResponse {
        for _ in 0..<patience * 2 {
            signalling.send(request.serialised(), to: sipPort)
            while let bytes = signalling.receive(within: 500) {
                guard case .response(let response)? = try? SIPParser.parse(bytes, framing: .datagram),
                    response.headers[.cseq] == request.headers[.cseq], response.isFinal
                else { continue }
                return response
            }
        }
        throw CommandFailure(.unavailable, "no answer to \(request.method.rawValue) on port \(sipPort)")
    }

    /// A refusal's ACK belongs to the INVITE's transaction (RFC 3261 section 17.1.1.3), a success's is one of its own.
    private func acknowledge(_ response: SIPResponse) {
        let transaction = response.isSuccess ? SIPMethod.ack : .invite
        guard let tag = try? response.to().tag, let ack = try? request(.ack, to: tag, in: transaction) else { return }
        signalling.send(ack.serialised(), to: sipPort)
    }

    // MARK: Media

    /// Sends half a second of audio as time goes by; how many of its packets came back with what they held. First to
    /// this machine's loopback; if nothing comes back, to the address that the appliance names.
    private func speak(to answer: SIPResponse) throws -> Int {
        let lines = String(decoding: answer.body, as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first { $0.hasPrefix("m=audio ") }?.split(separator: " ")
        guard let port = words?.dropFirst().first.flatMap({ UInt16($0) }), port > 0 else {
            throw CommandFailure(.general, "the answer offers no audio")
        }
        let named = lines.first { $0.hasPrefix("c=IN IP4 ") }?.split(separator: " ").last.map(String.init)
        let back = speak(to: port, at: "127.0.0.1")
        guard back == 0, let named else { return back }
        return speak(to: port, at: named)
    }

    private func speak(to port: UInt16, at host: String) -> Int {
        var sent: Set<[UInt8]> = []
        var back: Set<[UInt8]> = []
        let began = SystemClock().now()
        for number in 0..<Self.packets * 2 {
            if number < Self.packets {
                let audio = (0..<160).map { UInt8(truncatingIfNeeded: 0x80 &+ number &* 3 &+ $0 % 7) }
                sent.insert(audio)
                media.send(Self.header(number) + audio, to: port, at: host)
            }
            let next = began + .milliseconds(20 * (number + 1))
            while case let now = SystemClock().now(), now < next {
                let milliseconds = Int32((next - now).wholeNanoseconds / 1_000_000) + 1
                guard let packet = media.receive(within: milliseconds), packet.count > 12 else { continue }
                if sent.contains(Array(packet[12...])) { back.insert(Array(packet[12...])) }
            }
        }
        return back.count
    }

    /// RFC 3550 section 5.1: version 2, payload type 0, the marker on the first.
    private static func header(_ number: Int) -> [UInt8] {
        let time = UInt32(number * 160)
        return [0x80, number == 0 ? 0x80 : 0, 0, UInt8(number)]
            + withUnsafeBytes(of: time.bigEndian) { Array($0) } + [0x5E, 0x1F, 0x7E, 0x57]
    }
}
