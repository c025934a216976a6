import CallControl
import Primitives
import Settings

/// What call features remember between calls.
struct OfficeMemory: Sendable {
    /// A user who waits for another one.
    struct Callback: Sendable, Equatable {
        let caller: String
        let callee: String
        let until: Instant
        /// No telephone of the other one was registered.
        let isAway: Bool
        /// The other one has been seen at the telephone since.
        var isArmed = false
    }

    /// How long somebody waits to be called back.
    static let callbackPatience = Duration.seconds(3_600)

    /// Of every user, as switched last.
    private(set) var features: [String: UserFeatures] = [:]
    var isNight = false
    /// Whose telephones are somebody else's for the time being: user by user whose they are by registration.
    private(set) var desks: [String: String] = [:]
    /// Of wrong PINs for the log-in at other desks, by whose PIN it is.
    private var deskLocks: [String: PINLock] = [:]
    /// How many calls each group has had.
    var turns: [String: Int] = [:]
    /// When the user's last call ended.
    var lastCalls: [String: Instant] = [:]
    /// In the order of their asking.
    private(set) var callbacks: [Callback] = []

    init(_ settings: ApplianceSettings) {
        for user in settings.users { features[user.extension] = user.features }
        isNight = settings.features.office.isNight
    }

    /// What the administrator has changed is in force, what users have switched stays.
    mutating func adopt(_ new: ApplianceSettings, instead old: ApplianceSettings) {
        let before = Dictionary(old.users.map { ($0.extension, $0.features) }, uniquingKeysWith: { first, _ in first })
        var next: [String: UserFeatures] = [:]
        for user in new.users {
            let isUntouched = before[user.extension] == user.features
            next[user.extension] = isUntouched ? features[user.extension] ?? user.features : user.features
        }
        features = next
        if new.features.office.isNight != old.features.office.isNight { isNight = new.features.office.isNight }
        desks = desks.filter { next[$0.key] != nil && next[$0.value] != nil }
        deskLocks = deskLocks.filter { next[$0.key] != nil }
        callbacks.removeAll { next[$0.caller] == nil || next[$0.callee] == nil }
        lastCalls = lastCalls.filter { next[$0.key] != nil }
    }

    mutating func set(_ new: UserFeatures, of user: String) {
        if features[user] != nil { features[user] = new }
    }

    // MARK: Desks

    /// Who sits at the telephones of that user.
    func occupant(of telephone: String) -> String { desks[telephone] ?? telephone }

    /// Whose telephones are that user's now; the user's own, unless somebody else has taken them.
    func telephones(of user: String) -> [String] {
        let lent = desks.filter { $0.value == user }.map(\.key).sorted()
        return (desks[user] == nil ? [user] : []) + lent
    }

    func isDeskLocked(_ user: String, at now: Instant) -> Bool { deskLocks[user]?.isLocked(at: now) ?? false }

    /// True when that has locked.
    mutating func wrongDeskPIN(of user: String, at now: Instant) -> Bool {
        deskLocks[user, default: PINLock()].refused(at: now)
    }

    /// Every user who is an agent by a code that they have dialled, or by the settings.
    var agents: [String: AgentState] { features.compactMapValues(\.agent) }

    /// `user` nil: the telephones are their own user's again. One desk for each user: the last one counts.
    mutating func sit(_ user: String?, at telephone: String) {
        if let user { deskLocks[user] = nil }
        desks = desks.filter { $0.value != user }
        desks[telephone] = user == telephone ? nil : user
    }

    // MARK: Callbacks

    /// False at the limit.
    mutating func callBack(
        _ caller: String, when callee: String, isAway: Bool, at now: Instant, limit: Int
    ) -> Bool {
        callbacks.removeAll { $0.until <= now || ($0.caller == caller && $0.callee == callee) }
        guard callbacks.count < limit else { return false }
        callbacks.append(
            Callback(caller: caller, callee: callee, until: now + Self.callbackPatience, isAway: isAway))
        return true
    }

    /// A call of that user has ended, or a telephone of theirs has registered: they are there.
    mutating func seen(_ user: String, byRegistration: Bool = false) {
        for index in callbacks.indices where callbacks[index].callee == user {
            if !byRegistration || callbacks[index].isAway { callbacks[index].isArmed = true }
        }
    }

    var hasArmedCallbacks: Bool { callbacks.contains(where: \.isArmed) }

    mutating func armedCallbacks(at now: Instant) -> [Callback] {
        callbacks.removeAll { $0.until <= now }
        return callbacks.filter(\.isArmed)
    }

    mutating func forgetCallbacks(of caller: String) { callbacks.removeAll { $0.caller == caller } }

    mutating func take(_ callback: Callback) { callbacks.removeAll { $0 == callback } }
}
