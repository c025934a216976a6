import Primitives

/// The addresses of record whose bindings the store has not got yet, in the order in which they changed.
///
/// What came, went or moved is due soon; what was only refreshed can wait, so that many refreshes make one transaction.
struct UnsavedBindings: Sendable {
    /// New and removed bindings are handed out after this; a power cut may lose as much.
    static let changeDelay = Duration.milliseconds(250)
    /// Refreshes are handed out after this; a stored expiry may be as much too early.
    static let refreshDelay = Duration.seconds(5)
    /// Addresses of record handed out at a time, so that a batch does not hold up calls.
    static let batch = 500

    private enum Kind { case refreshed, changed }
    private var kinds: [String: Kind] = [:]
    private var changed = Line()
    private var refreshed = Line()

    /// First in, first out; what is taken from the front is dropped when the line is empty.
    private struct Line: Sendable {
        var names: [String] = []
        var next = 0
        var due: Instant?

        mutating func append(_ name: String, due: Instant) {
            if names.isEmpty { self.due = due }
            names.append(name)
        }

        mutating func take() -> String? {
            guard next < names.count else {
                names.removeAll(keepingCapacity: true)
                next = 0
                due = nil
                return nil
            }
            next += 1
            return names[next - 1]
        }
    }

    var nextDeadline: Instant? { changed.due.orEarlier(refreshed.due) }

    mutating func noteRefresh(of name: String, at now: Instant) {
        guard kinds[name] == nil else { return }
        kinds[name] = .refreshed
        refreshed.append(name, due: now + Self.refreshDelay)
    }

    mutating func noteChange(of name: String, at now: Instant) {
        guard kinds[name] != .changed else { return }
        kinds[name] = .changed
        changed.append(name, due: now + Self.changeDelay)
    }

    /// What is due at `now`; with `all`, whatever there is.
    mutating func take(at now: Instant, all: Bool) -> [(name: String, isRefreshOnly: Bool)] {
        var taken: [(name: String, isRefreshOnly: Bool)] = []
        if let due = changed.due, all || due <= now {
            while all || taken.count < Self.batch, let name = changed.take() {
                kinds[name] = nil
                taken.append((name, false))
            }
        }
        if let due = refreshed.due, all || due <= now {
            while all || taken.count < Self.batch, let name = refreshed.take() {
                guard kinds[name] == .refreshed else { continue }  // handed out, or about to be, as a change
                kinds[name] = nil
                taken.append((name, true))
            }
        }
        return taken
    }
}
