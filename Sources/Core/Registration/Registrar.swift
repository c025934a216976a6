import Persistence
package import Primitives
package import SIPMessage
package import SIPTransaction

/// The location service and the REGISTER rules over it (RFC 3261 section 10.3, RFC 3327, RFC 5626, RFC 5627).
///
/// The caller has authenticated the request and knows whose address of record it is. Nothing here sends: answers are
/// returned, and `takeDirty` hands out what the store has to learn. A user holds at most `Limits.bindingsPerUser`; one
/// more, and the binding that has gone longest without a refresh gives way, so that a phone which changes its port at
/// every start is never shut out.
///
/// A refresh that repeats the request before it (same Contact, Expires, Path, flow) is recognised by its text and costs
/// no parsing of addresses, no search and no store command of its own.
package struct Registrar: Sendable {
    /// The option tags of a REGISTER that are understood here.
    package static let optionTags = OptionTags(["path", "outbound", "gruu"])

    /// What is kept of one address of record. There is none without bindings.
    struct Entry: Sendable {
        /// In order of first registration.
        var bindings: [Binding]
        var memos: [RegisterMemo] = []
    }

    /// Connections of streams have numbers of their own per transport.
    private struct Connection: Hashable, Sendable {
        let transport: SIPFlow.Transport, number: UInt64
    }

    package var policy: RegistrarPolicy
    let limits: Limits
    var listeners: [ListenerAddress] = []
    var table: [String: Entry] = [:]
    var refreshCounter: UInt64 = 0
    var unsaved = UnsavedBindings()
    private var wakeUps = DeadlineQueue<String>()
    /// How many bindings are reached at a peer.
    private var homes: [Endpoint: Int] = [:]
    /// Which addresses of record may have bindings over a connection.
    private var connections: [Connection: Set<String>] = [:]

    package init(limits: Limits, policy: RegistrarPolicy = RegistrarPolicy()) {
        self.limits = limits
        self.policy = policy
    }

    /// Users with at least one binding.
    package var registeredCount: Int { table.count }

    /// When `expire` or `takeDirty` next may have work to do. An early call changes nothing.
    package var nextDeadline: Instant? {
        wakeUps.first.orEarlier(unsaved.nextDeadline)
    }

    /// True for the address and port at which some registered telephone is reached.
    package func isHome(_ endpoint: Endpoint) -> Bool { homes[endpoint] != nil }

    /// True for the address and port at which a telephone of that user is reached.
    package func isHome(_ endpoint: Endpoint, of addressOfRecord: String) -> Bool {
        isHome(endpoint) && table[addressOfRecord]?.bindings.contains { $0.flow.remote == endpoint } == true
    }

    // MARK: What the store has to learn

    /// The binding sets that the store should get now, each the whole set of its address of record, at most 500 at a
    /// time; the rest stays due.
    ///
    /// What came, went or moved is due within 250 ms, a refresh within 5 s: a thousand refreshes a second cost one
    /// transaction in five seconds. After a power cut a stored expiry may be those 5 s too early, and the phone is then
    /// found unregistered for as long, at most until its next refresh.
    package mutating func takeDirty(at now: Instant) -> [BindingChange] { take(at: now, all: false) }

    /// Everything that the store has not got, due or not: before the appliance ends.
    package mutating func takeAllDirty(at now: Instant) -> [BindingChange] { take(at: now, all: true) }

    private mutating func take(at now: Instant, all: Bool) -> [BindingChange] {
        unsaved.take(at: now, all: all).map { name, isRefreshOnly in
            BindingChange(
                addressOfRecord: name, bindings: table[name]?.bindings.map(\.record) ?? [],
                isRefreshOnly: isRefreshOnly)
        }
    }

    // MARK: What changes bindings without a REGISTER

    /// Removes what has run out by `now`.
    package mutating func expire(at now: Instant) {
        guard let first = wakeUps.first, first <= now else { return }
        for name in wakeUps.popDue(at: now) {
            guard let entry = table[name] else { continue }
            let kept = entry.bindings.filter { $0.expiresAt > now }
            if kept.count == entry.bindings.count {
                wakeUp(name)
            } else {
                replaceBindings(of: name, by: kept, at: now)
            }
        }
    }

    /// Takes note that a connection is closed; a UDP flow never closes.
    ///
    /// Bindings over it end, except those over TCP whose Contact (or Path) can be dialled: their phones are called over
    /// a new connection (RFC 3261 section 18.1.1). Flows of RFC 5626 and phones behind TLS cannot.
    package mutating func flowClosed(_ flow: SIPFlow, at now: Instant) {
        guard let number = flow.connection else { return }
        let names = connections.removeValue(forKey: Connection(transport: flow.transport, number: number)) ?? []
        for name in names.sorted() {
            guard let entry = table[name] else { continue }
            let kept = entry.bindings.compactMap { binding -> Binding? in
                guard binding.flow.connection == number, binding.flow.transport == flow.transport else {
                    return binding
                }
                guard binding.isDialable, flow.transport == .tcp,
                    let dialed = flow.dialing((binding.path.first ?? binding.contact).uri)
                else { return nil }
                var binding = binding
                binding.flow = dialed
                return binding
            }
            if kept != entry.bindings { replaceBindings(of: name, by: kept, at: now) }
        }
    }

    /// Removes the bindings of users who are no more.
    package mutating func keepOnly(at now: Instant, _ isUser: (String) -> Bool) {
        for name in table.keys.filter({ !isUser($0) }).sorted() { replaceBindings(of: name, by: [], at: now) }
    }

    /// Removes every binding of a user, as when the administrator signs a telephone out.
    package mutating func removeAll(of addressOfRecord: String, at now: Instant) {
        guard table[addressOfRecord] != nil else { return }
        replaceBindings(of: addressOfRecord, by: [], at: now)
    }

    // MARK: The table

    /// Whether one more user would be over the edition's limit.
    func isFull(for addressOfRecord: String) -> Bool {
        guard let most = policy.registeredUsers, table[addressOfRecord] == nil else { return false }
        return table.count >= most
    }

    /// Devices of all users.
    var deviceCount: Int { table.values.reduce(0) { $0 + Set($1.bindings.map(\.device)).count } }

    /// Sets the bindings of an address of record and drops what was remembered of requests whose bindings are gone.
    mutating func replaceBindings(of name: String, by bindings: [Binding], at now: Instant) {
        setBindings(of: name, to: bindings)
        unsaved.noteChange(of: name, at: now)
    }

    /// The same without a word to the store.
    mutating func setBindings(of name: String, to bindings: [Binding]) {
        countHomes(from: table[name]?.bindings ?? [], to: bindings)
        guard !bindings.isEmpty else {
            table[name] = nil
            wakeUps.remove(name)
            return
        }
        var entry = table[name] ?? Entry(bindings: [])
        entry.bindings = bindings
        entry.memos.removeAll { memo in !bindings.contains { $0.callID == memo.callID } }
        table[name] = entry
        for binding in bindings {
            guard let number = binding.flow.connection else { continue }
            connections[Connection(transport: binding.flow.transport, number: number), default: []].insert(name)
        }
        wakeUp(name)
    }

    private mutating func countHomes(from old: [Binding], to new: [Binding]) {
        for binding in new { homes[binding.flow.remote, default: 0] += 1 }
        for binding in old {
            let left = (homes[binding.flow.remote] ?? 1) - 1
            homes[binding.flow.remote] = left > 0 ? left : nil
        }
    }

    /// Arms the queue for the first expiry. Between refreshes the queue keeps an earlier time: waking up for nothing
    /// once per lifetime is cheaper than moving through the queue at every refresh.
    private mutating func wakeUp(_ name: String) {
        guard let earliest = table[name]?.bindings.lazy.map(\.expiresAt).min() else { return }
        if let due = wakeUps.due(of: name), due <= earliest { return }
        wakeUps.set(name, to: earliest)
    }
}
