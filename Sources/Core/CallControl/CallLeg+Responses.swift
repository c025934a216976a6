import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// What comes back to the requests of a leg.
extension CallLeg {
    mutating func received(
        _ response: SIPResponse, to client: ClientTransactionID, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .calling(client): return receivedWhileCalling(response, client, &context)
        case .cancelling(client):
            if response.isSuccess {  // the answer crossed our CANCEL (RFC 3261 section 9.1)
                guard confirm(response, client, &context) else { return [] }
                sendBye(because: leaveReasons, &context)
            } else if response.isFinal {
                state = .over
            }
            return []
        case .closing(client):
            if response.isFinal { state = .over }
            return []
        case .invited, .answering, .calling, .cancelling, .established, .leaving, .closing, .over:
            if let index = requests.firstIndex(where: { $0.client == client }) {
                return received(response, toRequest: index, &context)
            }
            if response.isSuccess { receivedAgain(response, client, &context) }
            return []
        }
    }

    private mutating func received(
        _ response: SIPResponse, toRequest index: Int, _ context: inout CallContext
    ) -> [LegEvent] {
        guard response.isFinal else { return [] }
        let sent = requests.remove(at: index)
        switch sent.purpose {
        case .probe: return response.status == 408 || response.status == 481 ? lost(&context) : []
        case .prack, .notice: return []  // what became of the INVITE or the session shows by itself
        case .offer, .refresh: return received(response, toSessionRequest: sent, &context)
        }
    }

    /// No final response will come.
    mutating func failed(
        _ client: ClientTransactionID, _ reason: TransactionFailure, _ context: inout CallContext
    ) -> [LegEvent] {
        switch state {
        case .calling(client):
            state = .over
            switch reason {  // RFC 3261 section 8.1.3.1
            case .timedOut: return [.refused(status: 408)]
            case .transportFailed: return [.refused(status: 503)]
            }
        case .cancelling(client), .closing(client):
            state = .over
            return []
        case .invited, .answering, .calling, .cancelling, .established, .leaving, .closing, .over: break
        }
        guard let index = requests.firstIndex(where: { $0.client == client }) else { return [] }
        let sent = requests.remove(at: index)
        switch sent.purpose {
        case .probe:
            switch reason {
            case .timedOut: return lost(&context)
            case .transportFailed: return []  // says nothing about the peer; the session timer goes on
            }
        case .prack, .notice: return []
        case .offer, .refresh:
            switch reason {
            case .timedOut: return unanswered(sent, because: .sip(408, text: "Request Timeout"), &context)
            case .transportFailed: return unreachable(sent, &context)
            }
        }
    }

    // MARK: Deadlines

    /// When `deadline` next has work to do.
    var nextDeadline: Instant? {
        switch state {
        case .over, .closing, .cancelling: return nil
        case .invited, .answering, .calling, .established, .leaving: break
        }
        let session = isEstablished ? sessionTimer.nextDeadline : nil
        let others = hasOtherForks ? forksEnd : nil
        return (provisionals?.nextDeadline).orEarlier(session).orEarlier(retry).orEarlier(others)
    }

    /// True while there are dialogs besides the answered one.
    private var hasOtherForks: Bool { (forks?.dialogs.count ?? 0) > 1 }

    /// Does what is due; an early call changes nothing.
    mutating func deadline(_ context: inout CallContext) -> [LegEvent] {
        guard let due = nextDeadline, context.now >= due else { return [] }
        var events = provisionalDeadline(&context)
        if let forksEnd, context.now >= forksEnd {
            self.forksEnd = nil
            forks?.endOthers()
            endedForks = []
        }
        if let retry, context.now >= retry {
            self.retry = nil
            wantsRenegotiation = true
            renegotiateIfWanted(&context)
        }
        events += sessionDeadline(&context)
        return events
    }
}
