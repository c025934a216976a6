import SIPDialog
import SIPMessage
import SIPTransaction

/// Requests that are sent once more with credentials (RFC 3261 section 22.2). The leg knows them under the identity of
/// the first transaction.
extension CallLeg {
    /// False of an INVITE that is given up already.
    func wouldRepeat(_ client: ClientTransactionID) -> Bool {
        switch state {
        case .cancelling(client), .over: false
        case .invited, .answering, .calling, .cancelling, .established, .leaving, .closing: true
        }
    }

    /// The CSeq number with which the refused request goes out again.
    func nextNumber(after response: SIPResponse) -> UInt32? {
        guard let refused = try? response.cseq().number, refused < CSeq.largestNumber else { return nil }
        var used = dialog
        if let id = DialogID(of: response, as: .uac), let named = dialog(id) { used = named }
        return max(refused, used?.localCSeq ?? 0) + 1
    }

    /// Takes note of the request as it has now been sent.
    mutating func sentAgain(_ request: SIPRequest, as client: ClientTransactionID) {
        if case .calling(client) = state {
            invite = request
            forks = DialogSet(invite: request)
            return
        }
        if let index = requests.firstIndex(where: { $0.client == client }) {
            requests[index] = SentRequest(client: client, request: request, purpose: requests[index].purpose)
        }
        guard let number = try? request.cseq().number, let id = DialogID(of: request, as: .uac), var dialog = dialog(id)
        else { return }
        dialog.noteSent(cseq: number)
        update(dialog)
    }
}
