import Media
import Primitives
import SIPMessage

/// What a call knows of a leg that the leg itself need not know.
struct CallParticipant: Sendable {
    /// The side of the media session whose port the leg uses.
    var side: MediaSide
    /// Nil: the leg began with an INVITE that came to us.
    let target: CallTarget?
    let line: LineID?
    /// How the call came to this target; empty unless it was redirected.
    let history: [DivertedTarget]
    /// See `DialogState.id`.
    let dialogID: String
    let began: UnixTime
    var hasRung = false
    /// Anything at all has come back from the target.
    var isHeard = false
    /// The person wants not to be named to the other end (RFC 3323, RFC 3325).
    var isAnonymous: Bool
    /// The tag of the telephone in its first early dialog.
    var earlyTag: String?
    /// The response that refused our INVITE, for its Contacts.
    var refusal: SIPResponse?
    /// Why the dialog has ended, when that is not what the course of things suggests.
    var event: DialogState.Event?
    var code: Int?
    /// The leg has gone into another call.
    var hasMoved = false
    /// How it sounds in this call.
    var audio = LegAudio()
    /// What watchers were told last.
    var reported: DialogState?
}
