import Primitives
import SIPMessage
import SIPTransaction
import Testing

func milliseconds(_ value: Int64) -> Instant { Instant(nanoseconds: value * 1_000_000) }

func response(_ status: Int) -> SIPResponse { SIPResponse(status: status, reason: "Test") }

let phone = Endpoint(address: .v4(0xC000_0237), port: 40_000)  // 192.0.2.55
let us = Endpoint(address: .v4(0xC000_0201), port: 5060)  // 192.0.2.1

func flow(_ transport: SIPFlow.Transport = .udp) -> SIPFlow {
    SIPFlow(transport: transport, local: us, remote: phone, connection: transport == .udp ? nil : 7)
}

struct Shape {
    var method = "INVITE"
    var branch: String? = "z9hG4bK1"
    var via = "192.0.2.55:5060"
    var viaParameters = ";rport"
    var fromTag = "alice"
    var toTag: String?
    var callID = "call-1"
    var number = 1
    var cseqMethod: String?
    var maxForwards: Int? = 70
    var extra = ""
}

func text(_ shape: Shape) -> String {
    var lines = ["\(shape.method) sip:101@192.0.2.1 SIP/2.0"]
    lines.append("Via: SIP/2.0/UDP \(shape.via)\(shape.branch.map { ";branch=\($0)" } ?? "")\(shape.viaParameters)")
    lines.append("From: \"Alice\" <sip:100@192.0.2.1>;tag=\(shape.fromTag)")
    lines.append("To: <sip:101@192.0.2.1>\(shape.toTag.map { ";tag=\($0)" } ?? "")")
    lines.append("Call-ID: \(shape.callID)")
    lines.append("CSeq: \(shape.number) \(shape.cseqMethod ?? shape.method)")
    if let maxForwards = shape.maxForwards { lines.append("Max-Forwards: \(maxForwards)") }
    lines.append("Contact: <sip:100@192.0.2.55:5060>")
    if !shape.extra.isEmpty { lines.append(shape.extra) }
    return lines.joined(separator: "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}

func parsed(_ text: String) throws -> SIPMessage { try SIPParser.parse(Array(text.utf8)) }

func message(_ shape: Shape) throws -> SIPMessage { try parsed(text(shape)) }

func request(_ shape: Shape) throws -> SIPRequest {
    guard case .request(let request) = try message(shape) else { throw UnexpectedMessage() }
    return request
}

struct UnexpectedMessage: Error {}

extension [TransactionEffect] {
    /// What goes out, parsed again.
    var sent: [SIPMessage] {
        compactMap { effect in
            guard case .transmit(let bytes, _) = effect else { return nil }
            return try? SIPParser.parse(bytes)
        }
    }
    var sentStatuses: [Int] {
        sent.compactMap { if case .response(let response) = $0 { response.status } else { nil } }
    }
    var sentMethods: [SIPMethod] {
        sent.compactMap { if case .request(let request) = $0 { request.method } else { nil } }
    }
    var sentResponse: SIPResponse? {
        for case .response(let response) in sent { return response }
        return nil
    }
    var sentRequest: SIPRequest? {
        for case .request(let request) in sent { return request }
        return nil
    }
    var requestID: ServerTransactionID? {
        for case .request(let id, _, _) in self { return id }
        return nil
    }
    var requestMessage: SIPRequest? {
        for case .request(_, let request, _) in self { return request }
        return nil
    }
    var drops: [TransactionDrop] {
        compactMap { if case .dropped(let drop) = $0 { drop } else { nil } }
    }
    var deliveredStatuses: [Int] {
        compactMap { if case .response(_, let response, _) = $0 { response.status } else { nil } }
    }
    var destination: SIPFlow? {
        for case .transmit(_, let flow) in self { return flow }
        return nil
    }
}

/// The response to a request that the layer has sent.
func answer(_ effects: [TransactionEffect], _ status: Int, toTag: String? = "bob") throws -> SIPMessage {
    let request = try #require(effects.sentRequest)
    return .response(SIPResponse(to: request, status: status, toTag: toTag))
}

extension TransactionLayer {
    /// Runs every deadline up to `limit`, each at its time, and gives all effects with the times.
    mutating func run(until limit: Instant) -> [(at: Int64, effects: [TransactionEffect])] {
        var trace: [(at: Int64, effects: [TransactionEffect])] = []
        while let due = nextDeadline, due <= limit {
            trace.append((due.nanoseconds / 1_000_000, handleDeadline(at: due)))
        }
        return trace
    }
}
