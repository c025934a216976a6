package import Applications
package import Media
package import Primitives
package import SIPMessage
package import SIPTransaction

/// What is going on at somebody's telephones.
package struct UserActivity: Sendable, Equatable {
    /// Where the telephones are that have a call, or are making one.
    package var telephones: Set<SIPFlow> = []
    /// A call rings there.
    package var isRinging = false
}

/// Calls that features look for, and what they do with them. Whether somebody may is for the owner to decide before.
extension CallControl {
    // MARK: Views

    /// Of every user with a call.
    package func activity() -> [String: UserActivity] {
        var activity: [String: UserActivity] = [:]
        for call in calls.values where call.isActive {
            for index in call.legs.indices where call.participants[index].line == nil {
                let isRinging = call.legs[index].isRinging
                if call.legs[index].isAnswered || (isRinging && call.participants[index].target == nil) {
                    let flow = call.legs[index].flow
                    activity[call.legs[index].party.number, default: UserActivity()].telephones.insert(flow)
                } else if isRinging {
                    activity[call.legs[index].party.number, default: UserActivity()].isRinging = true
                }
            }
        }
        return activity
    }

    /// The orbits in which calls wait.
    package var occupiedOrbits: [String] { activeCalls.compactMap { $0.parked?.orbit.number } }

    /// The user's leg of a call that stands: the one that is on hold, else the newest. `id`: of that call alone.
    func held(by user: String, in id: UInt64? = nil) -> LegReference? {
        var newest: LegReference?
        for call in activeCalls where call.phase == .talking && call.transfer == nil && call.service == nil {
            guard id == nil || call.id == id else { continue }
            for side in MediaSide.allCases {
                guard let index = call.bridge[side], call.bridge[side.other] != nil, call.isLeg(index, of: user),
                    call.legs[index].isEstablished
                else { continue }
                if call.legs[index].media.isHeldByPeer { return LegReference(call: call.id, leg: index) }
                newest = LegReference(call: call.id, leg: index)
            }
        }
        return newest
    }

    // MARK: Orbits

    /// The user's call on hold waits in the orbit from now on; false when there is none.
    package mutating func park(
        _ user: String, in id: UInt64? = nil, at orbit: CallParty, _ context: inout CallContext
    ) -> Bool {
        guard let found = held(by: user, in: id), !occupiedOrbits.contains(orbit.number) else { return false }
        withCall(found.call, &context) { $0.park(found.leg, at: orbit, for: $0.sounds.parking, &$1) }
        return true
    }

    /// The INVITE takes up the call that waits there; false, and nothing answered, when none does.
    package mutating func retrieve(
        from orbit: String, by invitation: Invitation, _ context: inout CallContext
    ) -> Bool {
        guard let call = activeCalls.first(where: { $0.parked?.orbit.number == orbit && $0.phase == .talking }) else {
            return false
        }
        guard let (dialog, _) = openDialog(for: invitation, &context) else { return true }
        context.count("calls.retrieved")
        withCall(call.id, &context) { $0.takeUp(by: invitation, dialog: dialog, &$1) }
        return true
    }

    // MARK: Pickup

    /// The INVITE takes the oldest call that rings at one of these users; false, and nothing answered, when none does.
    package mutating func pickUp(
        from users: [String], by invitation: Invitation, _ context: inout CallContext
    ) -> Bool {
        for call in activeCalls {
            let leg = call.fork?.legs.first { index in
                users.contains { call.isLeg(index, of: $0) } && call.replaceability(of: index) == .early
            }
            guard let leg else { continue }
            guard let (dialog, _) = openDialog(for: invitation, &context) else { return true }
            withCall(call.id, &context) { $0.replace(leg, by: invitation, dialog: dialog, &$1) }
            return true
        }
        return false
    }

    // MARK: Calls on hold

    /// The user's call on hold goes to `uri`; false when there is none.
    package mutating func transferHeld(
        by user: String, in id: UInt64? = nil, to uri: SIPURI, _ context: inout CallContext
    ) -> Bool {
        guard let found = held(by: user, in: id), let call = call(found.call),
            call.transferCount < limits.transfersPerCall
        else { return false }
        withCall(found.call, &context) { $0.transferBlindly(from: found.leg, to: uri, &$1) }
        return true
    }

    /// Everybody whom the user has in a call comes into a room of its own, and the user with this INVITE; false, and
    /// nothing answered, when there are fewer than two others.
    package mutating func confer(by invitation: Invitation, _ context: inout CallContext) -> Bool {
        let user = invitation.caller.number
        var found: [LegReference] = []
        for call in activeCalls where call.phase == .talking && call.transfer == nil && call.service == nil {
            for side in MediaSide.allCases {
                guard let index = call.bridge[side], call.bridge[side.other] != nil, call.isLeg(index, of: user)
                else { continue }
                found.append(LegReference(call: call.id, leg: index))
                break
            }
        }
        guard found.count >= 2, found.count < limits.roomParticipants, let room = freeRoom() else { return false }
        let service = CallService.conference(room)
        guard mixes else {  // refused by `invite`, before anybody is taken out of a call
            var invitation = invitation
            invitation.destination = .service(invitation.destination.party, service)
            invite(invitation, &context)
            return true
        }
        for leg in found { withCall(leg.call, &context) { $0.enterRoom(service, leaving: leg.leg, &$1) } }
        var invitation = invitation
        invitation.destination = .service(
            CallParty(number: invitation.destination.party.number, name: "Conference"), service)
        context.count("calls.conferences")
        invite(invitation, &context)
        return true
    }

    /// Rooms that nobody has configured; their numbers lie above those that have been.
    static let firstRoom: UInt64 = 1 << 32

    private func freeRoom() -> RoomID? {
        let taken = activeCalls.compactMap { call -> UInt64? in
            guard case .conference(let room)? = call.service else { return nil }
            return room.value
        }
        guard Set(taken).count < limits.rooms else { return nil }
        return (0..<UInt64(limits.rooms)).map { RoomID(Self.firstRoom + $0) }.first { !taken.contains($0.value) }
    }

    /// Who is left alone in a room that was made for a call is not kept in it.
    mutating func sweepRoom(after call: Call, _ context: inout CallContext) {
        guard case .conference(let room)? = call.service, room.value >= Self.firstRoom else { return }
        let others = activeCalls.filter { $0.service == call.service }
        let isOver = others.count == 1 || others.allSatisfy(\.isListener)
        for other in others where isOver { withCall(other.id, &context) { $0.end(&$1) } }
        guard isOver || others.isEmpty else { return }
        for id in originations.keys.sorted() where originations[id]?.purpose.room == call.service {
            abandon(id, &context)
        }
        let ringing = activeCalls.filter { $0.origination?.purpose.room == call.service && $0.phase == .ringing }
        for other in ringing { withCall(other.id, &context) { $0.end(&$1) } }
    }

    /// Who is in a room without a door, in the order of their calls.
    package func occupants(of room: RoomID, at now: Instant) -> [RoomOccupant] {
        activeCalls.compactMap { $0.occupant(of: room, at: now) }
    }

    /// Ends the call of somebody in a room without a door; false: there is nobody of that name in it.
    package mutating func remove(_ caller: CallerID, from room: RoomID, _ context: inout CallContext) -> Bool {
        guard calls[caller.value]?.occupant(of: room, at: context.now) != nil else { return false }
        withCall(caller.value, &context) { $0.end(&$1) }
        return true
    }

    // MARK: Announcements

    /// The caller speaks to everybody who is called with `ranks`, and they listen: paging. False, and nothing answered,
    /// when there is nobody, or no room.
    package mutating func page(
        _ members: [(party: CallParty, ranks: [[CallTarget]])], by invitation: Invitation,
        _ context: inout CallContext
    ) -> Bool {
        guard !members.isEmpty, let room = freeRoom() else { return false }
        let service = CallService.conference(room)
        var invitation = invitation
        invitation.destination = .service(invitation.destination.party, service)
        invite(invitation, &context)
        guard activeCalls.contains(where: { $0.service == service }) else { return true }  // refused, and answered
        context.count("calls.pages")
        for member in members.prefix(limits.roomParticipants - 1) {
            _ = originate(
                Origination(
                    party: member.party, ranks: member.ranks, shown: invitation.caller,
                    purpose: .room(service, isListener: true), patience: .seconds(10)), &context)
        }
        return true
    }

    // MARK: Doors

    /// Presses the keys that open the door station with which the user speaks, or which rings the user; false: there is
    /// none.
    package mutating func press(
        _ keys: [String: String], for user: String, _ context: inout CallContext
    ) -> Bool {
        for call in activeCalls.reversed() {
            for side in MediaSide.allCases {
                guard let index = call.bridge[side], !call.isLeg(index, of: user),
                    let digits = keys[call.legs[index].party.number],
                    call.legs.indices.contains(where: { call.isLeg($0, of: user) && !call.legs[$0].isOver })
                else { continue }
                let events = digits.compactMap { Digit($0)?.event }
                guard !events.isEmpty else { return false }
                context.count("calls.doors-opened")
                context.effects.append(.media(.sendDigits(MediaSessionID(call.id), side, events)))
                return true
            }
        }
        return false
    }

    // MARK: Help

    /// Ends the newest call over the line that is not for help, so that one for help finds a channel; false: there is none.
    package mutating func freeChannel(on line: LineID, _ context: inout CallContext) -> Bool {
        guard let call = activeCalls.last(where: { !$0.isEmergency && $0.legCount(using: line) > 0 }) else {
            return false
        }
        context.count("calls.ended-for-help")
        withCall(call.id, &context) { $0.end(&$1) }
        return true
    }
}

extension Origination.Purpose {
    var room: CallService? {
        switch self {
        case .room(let service, _): service
        case .dial: nil
        }
    }
}
