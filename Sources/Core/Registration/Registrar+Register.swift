package import Primitives
package import SIPMessage
package import SIPTransaction

extension Registrar {
    /// Adds, refreshes, removes or lists bindings as the request says; all of it happens, or nothing.
    ///
    /// - 400 what cannot be read, 403 more devices than the edition allows or an address of ours as Contact, 413 too many
    ///   Contacts, 420 an option tag we do not have, 423 too short an interval, 439 a first hop without outbound, 500 a
    ///   CSeq that is not higher within a Call-ID, 503 more users than the edition allows.
    package mutating func register(
        _ request: SIPRequest, addressOfRecord: String, over flow: SIPFlow, at now: Instant, wall: UnixTime
    ) -> RegistrationAnswer {
        do {
            let callID = try request.callID()
            let cseq = try request.cseq().number
            if let answer = refresh(
                request, callID: callID, cseq: cseq, addressOfRecord: addressOfRecord, over: flow, at: now, wall: wall)
            {
                return answer
            }
            let unknown = request.required().subtracting(Self.optionTags)
            guard unknown.isEmpty else {
                return RegistrationAnswer(
                    status: 420, reason: "Bad Extension", fields: [.init(.unsupported, unknown.description)])
            }
            let current = (table[addressOfRecord]?.bindings ?? []).filter { $0.expiresAt > now }
            guard request.headers.contains(.contact) else { return accepted(current, at: now) }
            switch try request.contacts() {
            case .wildcard:
                guard request.expires() == 0 else {
                    return RegistrationAnswer(status: 400, reason: "Wildcard Needs Expires 0")
                }
                guard current.allSatisfy({ $0.isOlder(than: cseq, in: callID) }) else { return Self.outOfOrder }
                if !current.isEmpty { replaceBindings(of: addressOfRecord, by: [], at: now) }
                var answer = accepted([], at: now)
                answer.outcome = current.isEmpty ? .unchanged : .changed
                return answer
            case .list(let contacts):
                guard contacts.count <= limits.bindingsPerUser else {
                    return RegistrationAnswer(status: 413, reason: "Too Many Contacts")
                }
                let update = try Update(
                    request, callID: callID, cseq: cseq, flow: flow, addressOfRecord: addressOfRecord, now: now,
                    wall: wall, listeners: listeners)
                return apply(contacts, update, to: current)
            }
        } catch {
            return RegistrationAnswer(status: 400, reason: "Bad Contact, Path, Call-ID or CSeq")
        }
    }

    private static let outOfOrder = RegistrationAnswer(status: 500, reason: "CSeq Out Of Order")

    /// All of it, or the first refusal.
    private mutating func apply(
        _ contacts: [NameAddress], _ update: Update, to current: [Binding]
    ) -> RegistrationAnswer {
        if let refusal = update.refusal(of: contacts, by: policy) { return refusal }
        var bindings = current
        let firstOrder = refreshCounter
        for contact in contacts {
            guard contact.uri.scheme == .sips || (contact.uri.scheme == .sip && !update.needsSecureContacts) else {
                let reason = update.needsSecureContacts ? "Contact Is Not A SIPS URI" : "Contact Is Not A SIP URI"
                return RegistrationAnswer(status: 400, reason: reason)
            }
            let seconds = lifetime(of: contact, header: update.expires)
            if (1..<limits.bindingExpiry.lowerBound).contains(seconds) {
                return RegistrationAnswer(
                    status: 423, reason: "Interval Too Brief",
                    fields: [.init(.minExpires, String(limits.bindingExpiry.lowerBound))])
            }
            refreshCounter += 1
            let binding = update.binding(contact, seconds: seconds, order: refreshCounter)
            let known = bindings.firstIndex { binding.replaces($0) }
            if let known, bindings[known].refreshOrder <= firstOrder,
                !bindings[known].isOlder(than: update.cseq, in: update.callID)
            {
                return Self.outOfOrder
            }
            switch (known, seconds) {
            case (let index?, 0): bindings.remove(at: index)
            case (let index?, _): bindings[index] = binding
            case (nil, 0): break
            case (nil, _): bindings.append(binding)
            }
        }
        if let refusal = editionRefusal(of: bindings, instead: current, update) { return refusal }
        return commit(bindings, instead: current, update)
    }

    /// Soft: whoever is registered can refresh and leave.
    private func editionRefusal(
        of bindings: [Binding], instead current: [Binding], _ update: Update
    ) -> RegistrationAnswer? {
        guard bindings.count > current.count else { return nil }
        if isFull(for: update.addressOfRecord) {
            return RegistrationAnswer(
                status: 503, reason: "Edition Allows No More Registered Users", fields: [.init(.retryAfter, "300")])
        }
        if let most = policy.registeredDevices {
            let more = Set(bindings.map(\.device)).count - Set(current.map(\.device)).count
            if more > 0, deviceCount + more > most {
                return RegistrationAnswer(
                    status: 503, reason: "Edition Allows No More Devices", fields: [.init(.retryAfter, "300")])
            }
        }
        if let most = policy.devicesPerUser {
            let devices = Set(bindings.map(\.device)).count
            if devices > most, devices > Set(current.map(\.device)).count {
                return RegistrationAnswer(status: 403, reason: "Edition Allows No More Devices Of This User")
            }
        }
        return nil
    }

    private mutating func commit(
        _ new: [Binding], instead current: [Binding], _ update: Update
    ) -> RegistrationAnswer {
        var bindings = new
        var evicted = 0
        while bindings.count > limits.bindingsPerUser,
            let oldest = bindings.indices.min(by: { bindings[$0].refreshOrder < bindings[$1].refreshOrder })
        {
            bindings.remove(at: oldest)
            evicted += 1
        }
        var answer = accepted(bindings, at: update.now)
        let extra = update.answerFields(policy)
        answer.fields += extra
        answer.evictedCount = evicted
        let isRefresh =
            bindings.count == current.count && zip(bindings, current).allSatisfy { $0.isRefresh(of: $1) }
        if !bindings.isEmpty || !current.isEmpty { answer.outcome = isRefresh ? .refreshed : .changed }
        setBindings(of: update.addressOfRecord, to: bindings)
        switch answer.outcome {
        case .unchanged: break
        case .refreshed: unsaved.noteRefresh(of: update.addressOfRecord, at: update.now)
        case .changed: unsaved.noteChange(of: update.addressOfRecord, at: update.now)
        }
        let made = bindings.count { $0.callID == update.callID && $0.cseq == update.cseq }
        remember(update, bindingCount: made, answerFields: extra)
        return answer
    }

    private mutating func remember(_ update: Update, bindingCount: Int, answerFields: [SIPHeaders.Field]) {
        guard let place = table.index(forKey: update.addressOfRecord) else { return }
        table.values[place].memos.removeAll { $0.callID == update.callID }
        guard bindingCount > 0, bindingCount == update.wantedCount else { return }
        table.values[place].memos.append(
            RegisterMemo(
                of: update.request, callID: update.callID, cseq: update.cseq, flow: update.flow,
                bindingCount: bindingCount, answerFields: answerFields))
    }

    /// Seconds granted: the Contact's own wish, else the Expires field's, else the longest; never longer than that.
    private func lifetime(of contact: NameAddress, header: Int?) -> Int {
        let longest = limits.bindingExpiry.upperBound
        if contact.parameters.contains("expires") {
            return min(contact.parameters["expires"].flatMap { UInt32($0) }.map(Int.init) ?? 3600, longest)
        }
        return min(header ?? longest, longest)
    }

    func accepted(_ bindings: [Binding], at now: Instant) -> RegistrationAnswer {
        RegistrationAnswer(
            status: 200, reason: "OK",
            fields: bindings.map { $0.answer(at: now) })
    }
}

extension Binding {
    /// RFC 3261 section 10.3 step 7: within one Call-ID only a higher CSeq may change a binding.
    fileprivate func isOlder(than cseq: UInt32, in callID: String) -> Bool {
        self.callID != callID || cseq > self.cseq
    }

    /// What the edition counts: an instance, or all that comes from one host.
    var device: String { instance ?? contact.uri.host.lowercased() }
}
