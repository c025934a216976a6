package import SIPMessage

/// The dialogs that the responses to one INVITE of ours make (RFC 3261 sections 12.1.2, 13.2.2.4, 16.7): early ones of
/// several forks, the one that is confirmed, and those that must be ended.
///
/// ```text
///             1xx with To tag: early             300-699, or cancelled: all early ones ended
///  empty ────────────────────────► some early ───────────────────────────────────────────► over
///    └────────── first 2xx: confirmed ─┴──► confirmed ──64*T1──► it alone (`endOthers`)
///                                            2xx of the same: ACK again; 2xx of another: ACK and BYE
/// ```
package struct DialogSet: Sendable {
    package enum Change: Equatable, Sendable {
        /// 100, a response without To tag, or an early dialog beyond the limit: no dialog.
        case none
        /// A provisional response made this early dialog.
        case early(Dialog)
        /// A provisional response of an early dialog that is known.
        case updated(Dialog)
        /// The first 2xx: this is the call. Send its ACK.
        case confirmed(Dialog)
        /// The 2xx came again: send its ACK again.
        case repeated(Dialog)
        /// Another fork answered as well: ACK, then BYE. It may come again.
        case surplus(Dialog)
        /// The INVITE was refused: these early dialogs are over.
        case ended([Dialog])
    }
    /// How many dialogs of one INVITE are kept.
    package static let limit = 16

    /// The INVITE as it was sent; a new one after a challenge begins a new set.
    package let invite: SIPRequest
    /// In the order in which they came up: early ones, the confirmed one, surplus ones.
    package private(set) var dialogs: [Dialog] = []
    private var confirmedID: DialogID?

    package init(invite: SIPRequest) {
        self.invite = invite
    }

    /// The dialog of the call, once there was a 2xx.
    package var confirmed: Dialog? { confirmedID.flatMap { self[$0] } }

    /// The early dialogs, the oldest first.
    package var early: [Dialog] { dialogs.filter { $0.state == .early } }

    package subscript(id: DialogID) -> Dialog? { dialogs.first { $0.id == id } }

    /// Puts a dialog back which has sent requests meanwhile (PRACK, UPDATE): its numbers and target count. Without
    /// effect when it is not of this set.
    package mutating func replace(_ dialog: Dialog) {
        guard let index = dialogs.firstIndex(where: { $0.id == dialog.id }) else { return }
        dialogs[index] = dialog
    }

    /// Takes a response to the INVITE. Throws what `Dialog` finds wrong with it; a 2xx that throws can be neither
    /// acknowledged nor ended, a provisional one is ignored.
    package mutating func receive(_ response: SIPResponse) throws(DialogError) -> Change {
        switch response.status {
        case 101..<200: return try receiveProvisional(response)
        case 200..<300: return try receiveSuccess(response)
        case 300...: return .ended(endEarly())
        default: return .none
        }
    }

    /// Forgets a dialog which its peer has ended.
    package mutating func remove(_ id: DialogID) {
        dialogs.removeAll { $0.id == id }
    }

    /// 64*T1 after the first 2xx no other fork can answer any more (13.2.2.4), and those that did have been ended: forgets
    /// all but the confirmed dialog.
    package mutating func endOthers() {
        dialogs.removeAll { $0.id != confirmedID }
    }

    /// Forgets the early dialogs and gives them: the INVITE has failed.
    private mutating func endEarly() -> [Dialog] {
        let ended = early
        dialogs.removeAll { $0.state == .early }
        return ended
    }

    private mutating func receiveProvisional(_ response: SIPResponse) throws(DialogError) -> Change {
        guard let id = DialogID(of: response, as: .uac) else { return .none }
        if let index = dialogs.firstIndex(where: { $0.id == id }) {
            guard dialogs[index].state == .early else { return .none }  // overtaken by its 2xx
            try dialogs[index].update(with: response)
            return .updated(dialogs[index])
        }
        guard dialogs.count < Self.limit else { return .none }
        let dialog = try Dialog(sent: invite, received: response)
        dialogs.append(dialog)
        return .early(dialog)
    }

    private mutating func receiveSuccess(_ response: SIPResponse) throws(DialogError) -> Change {
        // A peer of RFC 2543 puts no tag in its 2xx; its dialog has the empty one.
        let id = DialogID(of: response, as: .uac)
        let dialog: Dialog
        if let index = dialogs.firstIndex(where: { $0.id == id || (id == nil && $0.id.remoteTag.isEmpty) }) {
            if dialogs[index].state == .confirmed {
                return dialogs[index].id == confirmedID ? .repeated(dialogs[index]) : .surplus(dialogs[index])
            }
            try dialogs[index].update(with: response)
            dialog = dialogs[index]
        } else {
            dialog = try Dialog(sent: invite, received: response)
            if dialogs.count >= Self.limit, confirmedID == nil,
                let index = dialogs.firstIndex(where: { $0.state == .early })
            {
                dialogs.remove(at: index)  // the call itself needs the place
            }
            if dialogs.count < Self.limit { dialogs.append(dialog) }
        }
        guard confirmedID == nil else { return .surplus(dialog) }
        confirmedID = dialog.id
        return .confirmed(dialog)
    }
}
