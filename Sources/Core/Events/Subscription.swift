import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// One subscriber's view of one user by one package (RFC 6665 section 4.2).
///
/// ```
///            SUBSCRIBE                 expiry, Expires 0, settings
///   ─────────────────────▶ active ───────────────────────────────▶ ending
///                             │  481, timeout, transport, error        │ NOTIFY terminated sent
///                             ▼                                        ▼
///                           (gone) ◀───────── any outcome ────────── ended
/// ```
///
/// At most one NOTIFY is under way; what changes meanwhile is told in one later. In `ending` the last NOTIFY waits for
/// the one under way.
struct Subscription: Sendable {
    enum Phase: Sendable, Equatable {
        case active
        /// The last NOTIFY is to be sent, with this state, and with a body or not.
        case ending(SubscriptionState, tellsState: Bool)
        /// It has been sent.
        case ended
    }

    let package: EventPackage
    /// As the SUBSCRIBE named it, repeated in each NOTIFY.
    let event: EventHeader
    let watcher: String
    let resource: String
    /// The resource as a URI.
    let entity: String
    /// Names and numbers, or states alone.
    let isFull: Bool
    /// Ours, in Contact.
    var contact: SIPURI
    var dialog: Dialog
    var flow: SIPFlow
    var phase = Phase.active
    var expiresAt: Instant
    /// The NOTIFY under way.
    var outstanding: ClientTransactionID?
    /// No NOTIFY before this, except the last one.
    var earliest: Instant
    /// What was told last; nil: everything is to be told.
    var told: EventView?
    /// A SUBSCRIBE has to be followed by a NOTIFY, changed or not.
    var owesNotify = true
    /// Number of the next document.
    var version: UInt32 = 0
    /// NOTIFYs in a row that were put off with Retry-After.
    var postponements = 0
}
