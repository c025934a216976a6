import CloudMessages
import Primitives
import PrivacyContract

/// Restoring from the backup server (the request half of F-C8): the shell fetches, the gate decides and the ledger knows.
extension ConnectedServices {
    /// Leave for one request without any field: which object is wanted is in the request line. It counts as a message on
    /// its way until the shell reports its outcome; switching backups off cancels it.
    mutating func permitRestore(_ id: AdminRequestID) {
        let message = OutboundMessage(
            id: CloudRequestID(newNumber()), flow: .c8, recipient: .backup, fields: [])
        switch authorise(message, trigger: .administrator) {
        case .success(let permit):
            messages[message.id] = PendingMessage(
                permit: permit, purpose: .restore, deadline: now + Self.uploadAnswerLimit)
            reply(id, .restorePermit(message.id, permit))
        case .failure(let refusal):
            record(message.flow, message.recipient, [], bytes: 0, result: "denied \(refusal.kind)")
            effects.append(.log(.warning, "\(refusal)"))
            reply(id, .refused(status: 409, detail: "\(refusal)"))
        }
    }
}
