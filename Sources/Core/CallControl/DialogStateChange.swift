package import Primitives
package import SIPMessage

/// How one dialog of a user stands, as busy lamps show it (RFC 4235). Seen from the user's telephone, not from here.
package struct DialogState: Sendable, Equatable {
    /// RFC 4235 section 3.7.1.
    package enum State: String, Sendable, Equatable {
        case trying, early, confirmed, terminated
    }

    /// Why a dialog left its state for the terminated one (RFC 4235 section 4.1.3).
    package enum Event: String, Sendable, Equatable {
        case cancelled, rejected, replaced, error, timeout
        /// The user's telephone hung up.
        case localBye = "local-bye"
        /// The other end hung up.
        case remoteBye = "remote-bye"
    }

    package enum Direction: String, Sendable, Equatable {
        /// The user called.
        case initiator
        /// The user was called.
        case recipient
    }

    /// The user.
    package var party: CallParty
    /// The `id` of the dialog element: letters, digits, `-`; never used again while the process runs.
    package var id: String
    package var callID: String
    /// The telephone's tag; nil before it has answered our INVITE.
    package var localTag: String?
    /// Our tag.
    package var remoteTag: String
    package var direction: Direction
    package var state: State
    /// With `.terminated` alone.
    package var event: Event?
    /// The status that refused the dialog, with `.rejected`.
    package var code: Int?
    /// Who is, or is to be, at the other end. `isAnonymous` hides it.
    package var remote: CallParty
    /// The other end wants its identity kept private: a document must not show `remote`.
    package var isRemoteAnonymous: Bool
    /// The user has put the other end on hold.
    package var isHeld: Bool
    /// The telephone's Contact, once known.
    package var localTarget: SIPURI?
    /// When the dialog began to be set up.
    package var began: UnixTime
    /// When it was confirmed.
    package var confirmed: UnixTime?
}

/// A dialog of a user has begun, changed or ended.
package struct DialogStateChange: Sendable, Equatable {
    package var dialog: DialogState

    /// The user whose watchers are to know.
    package var party: CallParty { dialog.party }
}
