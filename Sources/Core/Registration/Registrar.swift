package import Persistence
package import Primitives
package import SIPMessage
package import SIPTransaction

/// The location service and the REGISTER rules over it (RFC 3261 section 10.3).
///
/// The caller has authenticated the request and knows whose address of record it is. Nothing here sends: answers and new
/// binding sets are returned. A user holds at most `Limits.bindingsPerUser`; one more, and the binding that has gone
/// longest without a refresh gives way, so that a phone which changes its port at every start is never shut out.
package struct Registrar: Sendable {
    private let limits: Limits
    /// Per address of record, in order of first registration. No entry is empty.
    private var table: [String: [Binding]] = [:]
    private var refreshCounter: UInt64 = 0
    /// Not later than the first expiry in `table`.
    private var earliestExpiry: Instant?

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Users with at least one binding.
    package var registeredCount: Int { table.count }

    /// When `expire` next may have work to do. An early call changes nothing.
    package var nextDeadline: Instant? { earliestExpiry }

    /// Live bindings, preferred ones first, then the most recently refreshed.
    package func bindings(of addressOfRecord: String, at now: Instant) -> [Binding] {
        (table[addressOfRecord] ?? []).filter { $0.expiresAt > now }.sorted {
            ($0.preference, $0.refreshOrder) > ($1.preference, $1.refreshOrder)
        }
    }

    // MARK: REGISTER

    /// Adds, refreshes, removes or lists bindings as the request says; all of it happens, or nothing.
    package mutating func register(
        _ request: SIPRequest, addressOfRecord: String, over flow: SIPFlow, at now: Instant, wall: UnixTime
    ) -> RegistrationAnswer {
        do {
            let callID = try request.callID()
            let cseq = try request.cseq().number
            // A malformed Expires counts as one hour (RFC 3261 section 20.19).
            let expires: Int? = request.headers.contains(.expires) ? request.expires() ?? 3600 : nil
            let current = bindings(inOrderOf: addressOfRecord, at: now)
            guard request.headers.contains(.contact) else { return accepted(current, at: now) }
            switch try request.contacts() {
            case .wildcard:
                guard expires == 0 else { return RegistrationAnswer(status: 400, reason: "Wildcard Needs Expires 0") }
                guard current.allSatisfy({ Self.isNewer(callID, cseq, than: $0) }) else { return Self.outOfOrder }
                return commit([], of: addressOfRecord, at: now)
            case .list(let contacts):
                guard contacts.count <= limits.bindingsPerUser else {
                    return RegistrationAnswer(status: 413, reason: "Too Many Contacts")
                }
                let update = Update(
                    callID: callID, cseq: cseq, expires: expires, flow: flow, via: try? request.topVia(),
                    userAgent: request.headers[.userAgent], now: now, wall: wall)
                return apply(contacts, update, to: current, of: addressOfRecord)
            }
        } catch {
            return RegistrationAnswer(status: 400, reason: "Bad Contact, Call-ID or CSeq")
        }
    }

    /// What all Contacts of one REGISTER share.
    private struct Update {
        let callID: String, cseq: UInt32, expires: Int?, flow: SIPFlow, via: Via?, userAgent: String?
        let now: Instant, wall: UnixTime
    }

    private mutating func apply(
        _ contacts: [NameAddress], _ update: Update, to current: [Binding], of addressOfRecord: String
    ) -> RegistrationAnswer {
        var bindings = current
        for contact in contacts {
            guard contact.uri.scheme == .sip || contact.uri.scheme == .sips else {
                return RegistrationAnswer(status: 400, reason: "Contact Is Not A SIP URI")
            }
            let seconds = lifetime(of: contact, header: update.expires)
            if (1..<limits.bindingExpiry.lowerBound).contains(seconds) {
                return RegistrationAnswer(
                    status: 423, reason: "Interval Too Brief",
                    fields: [.init(.minExpires, String(limits.bindingExpiry.lowerBound))])
            }
            refreshCounter += 1
            let binding = makeBinding(contact, update, seconds: seconds)
            let known = bindings.firstIndex { binding.replaces($0) }
            if let known, !Self.isNewer(update.callID, update.cseq, than: bindings[known]) { return Self.outOfOrder }
            switch (known, seconds) {
            case (let index?, 0): bindings.remove(at: index)
            case (let index?, _): bindings[index] = binding
            case (nil, 0): break
            case (nil, _): bindings.append(binding)
            }
        }
        var evicted = 0
        while bindings.count > limits.bindingsPerUser,
            let oldest = bindings.indices.min(by: { bindings[$0].refreshOrder < bindings[$1].refreshOrder })
        {
            bindings.remove(at: oldest)
            evicted += 1
        }
        var answer = commit(bindings, of: addressOfRecord, at: update.now)
        answer.evictedCount = evicted
        return answer
    }

    /// Seconds granted: the Contact's own wish, else the Expires field's, else the longest; never longer than that.
    private func lifetime(of contact: NameAddress, header: Int?) -> Int {
        let longest = limits.bindingExpiry.upperBound
        if contact.parameters.contains("expires") {
            return min(contact.parameters["expires"].flatMap { UInt32($0) }.map(Int.init) ?? 3600, longest)
        }
        return min(header ?? longest, longest)
    }

    private func makeBinding(_ contact: NameAddress, _ update: Update, seconds: Int) -> Binding {
        var contact = contact
        contact.parameters.remove("expires")
        return Binding(
            contact: contact, flow: update.flow.reaching(contact.uri, sentBy: update.via), callID: update.callID,
            cseq: update.cseq, expiresAt: update.now + .seconds(seconds),
            expiresAtWall: update.wall + .seconds(seconds),
            userAgent: update.userAgent, refreshOrder: refreshCounter)
    }

    /// RFC 3261 section 10.3 step 7: within one Call-ID only a higher CSeq may change a binding.
    private static func isNewer(_ callID: String, _ cseq: UInt32, than binding: Binding) -> Bool {
        binding.callID != callID || cseq > binding.cseq
    }

    private static let outOfOrder = RegistrationAnswer(status: 500, reason: "CSeq Out Of Order")

    private mutating func commit(_ bindings: [Binding], of addressOfRecord: String, at now: Instant)
        -> RegistrationAnswer
    {
        table[addressOfRecord] = bindings.isEmpty ? nil : bindings
        for binding in bindings { noteExpiry(binding.expiresAt) }
        var answer = accepted(bindings, at: now)
        answer.newBindings = bindings.map(\.record)
        return answer
    }

    private func accepted(_ bindings: [Binding], at now: Instant) -> RegistrationAnswer {
        RegistrationAnswer(
            status: 200, reason: "OK",
            fields: bindings.map { binding in
                var contact = binding.contact
                let seconds = ((binding.expiresAt - now).wholeMilliseconds + 999) / 1000
                contact.parameters.set("expires", String(seconds))
                return .init(.contact, contact.description)
            })
    }

    private func bindings(inOrderOf addressOfRecord: String, at now: Instant) -> [Binding] {
        (table[addressOfRecord] ?? []).filter { $0.expiresAt > now }
    }

    // MARK: What changes bindings without a REGISTER

    /// Removes what has run out by `now`.
    package mutating func expire(at now: Instant) -> [BindingChange] {
        guard let earliestExpiry, now >= earliestExpiry else { return [] }
        let changes = removeBindings { $0.expiresAt <= now }
        self.earliestExpiry = table.values.lazy.flatMap { $0 }.map(\.expiresAt).min()
        return changes
    }

    /// Removes the bindings of a closed connection; a UDP flow never closes.
    package mutating func flowClosed(_ flow: SIPFlow) -> [BindingChange] {
        guard let connection = flow.connection else { return [] }
        return removeBindings { $0.flow.connection == connection && $0.flow.transport == flow.transport }
    }

    /// Removes the bindings of users who are no more.
    package mutating func keepOnly(_ isUser: (String) -> Bool) -> [BindingChange] {
        table.keys.filter { !isUser($0) }.sorted().map { addressOfRecord in
            table[addressOfRecord] = nil
            return BindingChange(addressOfRecord: addressOfRecord, bindings: [])
        }
    }

    private mutating func removeBindings(where isGone: (Binding) -> Bool) -> [BindingChange] {
        let touched = table.filter { $0.value.contains(where: isGone) }.keys.sorted()
        return touched.map { addressOfRecord in
            let kept = (table[addressOfRecord] ?? []).filter { !isGone($0) }
            table[addressOfRecord] = kept.isEmpty ? nil : kept
            return BindingChange(addressOfRecord: addressOfRecord, bindings: kept.map(\.record))
        }
    }

    // MARK: Restart

    /// Takes up what the store kept. Connections are gone after a restart, so only UDP bindings return; none outlives the
    /// longest registration from now, whatever the wall clock did meanwhile.
    package mutating func restore(
        _ records: [BindingRecord], of addressOfRecord: String, at now: Instant, wall: UnixTime
    ) {
        for record in records.suffix(limits.bindingsPerUser) {
            guard let contact = try? NameAddress(parsing: record.contact),
                let flow = SIPFlow(registrationText: record.flow), flow.transport == .udp, record.expiresAt > wall
            else { continue }
            let remaining = min(record.expiresAt - wall, .seconds(limits.bindingExpiry.upperBound))
            refreshCounter += 1
            table[addressOfRecord, default: []].append(
                Binding(
                    contact: contact, flow: flow, callID: record.callID, cseq: record.cseq, expiresAt: now + remaining,
                    expiresAtWall: wall + remaining, userAgent: nil, refreshOrder: refreshCounter))
            noteExpiry(now + remaining)
        }
    }

    /// The UDP listener's address after a restart: restored bindings are reached from there.
    package mutating func listening(onUDP local: Endpoint) {
        for addressOfRecord in table.keys.sorted() {
            for index in (table[addressOfRecord] ?? []).indices
            where table[addressOfRecord]?[index].flow.transport == .udp {
                table[addressOfRecord]?[index].flow.local = local
            }
        }
    }

    private mutating func noteExpiry(_ expiry: Instant) {
        earliestExpiry = earliestExpiry.map { min($0, expiry) } ?? expiry
    }
}
