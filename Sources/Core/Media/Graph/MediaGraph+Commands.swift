package import Primitives

extension MediaGraph {
    /// A side that listens to another session.
    struct Fork {
        let slot: Int
        let name: RoomMember
        let target: Int
        let saidA: Bool
        let saidB: Bool
        let heardA: Bool
        let heardB: Bool

        init(_ name: RoomMember, slot: Int, to listening: Listening, target: Int) {
            self.slot = slot
            self.name = name
            self.target = target
            saidA = listening.said.contains(.a)
            saidB = listening.said.contains(.b)
            heardA = listening.heard.contains(.a)
            heardB = listening.heard.contains(.b)
        }

        func hearsSaid(_ side: MediaSide) -> Bool { side == .a ? saidA : saidB }
        func hearsHeard(_ side: MediaSide) -> Bool { side == .a ? heardA : heardB }
    }

    /// Carries out a command to a session or a room that is there; others are counted in `refusedCommands`. `.open`,
    /// `.openForHelp` and `.close` concern sockets too and have calls of their own.
    package mutating func handle(_ command: MediaCommand, at now: Instant) {
        guard let id = command.session else {
            if case .gate(let room, let loudest) = command { gate(room, loudest) }
            return
        }
        guard let slot = slot(of: id) else { return refusedCommands += 1 }
        do throws(MediaRefusal) {
            switch command {
            case .open, .openForHelp, .close: return refusedCommands += 1
            case .gate: break
            case .configure(_, let side, let description): configure(slot, side, description, at: now)
            case .setEcho:
                do { try slots[slot].setEcho() } catch { events.append(.failed(id, error)) }
            case .hear(_, let side, let program): try hear(id, slot, side, program)
            case .record(_, let recording, let layout): try slots[slot].record(recording, layout)
            case .stopRecording(_, let recording): try slots[slot].stopRecording(recording)
            case .collect(_, let side, let rules): slots[slot].collect(side, rules, at: now)
            case .stopCollecting(_, let side): slots[slot].stopCollecting(side)
            case .sendDigits(_, let side, let codes): try slots[slot].sendDigits(side, codes)
            }
        } catch { events.append(.refused(id, error)) }
        settle(at: now)
        collect(slot)
        look(at: slots[slot].nextDeadline)
    }

    private mutating func configure(
        _ slot: Int, _ side: MediaSide, _ description: MediaStreamDescription, at now: Instant
    ) {
        do { try slots[slot].configure(side, description, entropy: &entropy, at: now) } catch {
            events.append(.failed(slots[slot].id, error))
        }
    }

    private mutating func gate(_ id: RoomID, _ loudest: Int?) {
        guard let index = rooms.firstIndex(where: { $0.id == id }) else { return refusedCommands += 1 }
        rooms[index].gate(loudest: loudest)
    }

    // MARK: Who hears what

    private mutating func hear(
        _ id: MediaSessionID, _ slot: Int, _ side: MediaSide, _ program: AudioProgram
    ) throws(MediaRefusal) {
        try attach(program, id, slot, side)
        let kept: RoomID? = if case .room(let room, _) = program { room } else { nil }
        leaveRooms(RoomMember(id, side), except: kept)
        slots[slot].hear(side, program)
    }

    /// Joins the room, or finds the session to listen to; a program that needs neither is none here.
    mutating func attach(
        _ program: AudioProgram, _ id: MediaSessionID, _ slot: Int, _ side: MediaSide
    ) throws(MediaRefusal) {
        let name = RoomMember(id, side)
        switch program {
        case .peer, .silence, .playing: break
        case .room(let room, let participation): try join(room, name, slot, participation)
        case .listening(let listening):
            guard listening.session != id, let target = self.slot(of: listening.session) else {
                throw .notToBeHeard(listening.session)
            }
            removeForks(of: name)
            forks.append(Fork(name, slot: slot, to: listening, target: target))
            return
        }
        removeForks(of: name)
    }

    private mutating func removeForks(of name: RoomMember) {
        for fork in forks where fork.name == name {
            for side in MediaSide.allCases { slots[fork.target].setOverheard(side, false) }
        }
        forks.removeAll { $0.name == name }
    }

    private mutating func join(
        _ id: RoomID, _ name: RoomMember, _ slot: Int, _ participation: RoomParticipation
    ) throws(MediaRefusal) {
        if let index = rooms.firstIndex(where: { $0.id == id }) {
            guard rooms[index].join(name, slot: slot, participation) else {
                throw .roomFull(id, limit: limits.roomParticipants)
            }
            return
        }
        guard rooms.count < limits.rooms else { throw .tooManyRooms(limit: limits.rooms) }
        var room = Room(id, limit: limits.roomParticipants)
        guard room.join(name, slot: slot, participation) else { throw .roomFull(id, limit: limits.roomParticipants) }
        rooms.append(room)
    }

    private mutating func leaveRooms(_ name: RoomMember, except kept: RoomID? = nil) {
        for index in rooms.indices where rooms[index].id != kept { rooms[index].leave(name) }
        rooms.removeAll { $0.members.isEmpty }
    }

    /// Takes a session's sides out of rooms and forks, and ends what others hear of it.
    mutating func detach(_ slot: Int, at now: Instant) {
        let id = slots[slot].id
        for side in MediaSide.allCases {
            leaveRooms(RoomMember(id, side))
            removeForks(of: RoomMember(id, side))
            slots[slot].setOverheard(side, false)
        }
        for fork in forks where fork.target == slot {
            slots[fork.slot].hear(fork.name.side, .silence)
            events.append(.listeningEnded(fork.name.session, fork.name.side))
        }
        forks.removeAll { $0.target == slot }
    }

    // MARK: After every change

    /// Brings ears, mouths, rates and ticks in line with what is to be heard.
    mutating func settle(at now: Instant) {
        for fork in forks {
            for side in MediaSide.allCases where fork.hearsSaid(side) {
                slots[fork.target].setOverheard(side, true)
            }
        }
        guard !ticking.isEmpty || openSlots.contains(where: { slots[$0].isComposed }) else { return }
        let rates = sharedRates()
        for slot in openSlots where slots[slot].isComposed {
            slots[slot].settle(rate: rates[slot], at: now)
            collect(slot)
        }
        for index in rooms.indices {
            if let member = rooms[index].members.first { rooms[index].setRate(rates[member.slot]) }
        }
        ticking = openSlots.filter { slots[$0].needsTicks }
        if ticking.isEmpty {
            nextTick = nil
            tickSlot = nil
        } else if nextTick == nil {
            nextTick = Self.tick(before: now) + Room.tick
        }
    }

    private var openSlots: [Int] { (0..<slots.bound).filter { slots.contains($0) } }

    /// By slot: sessions that a room or a fork binds work at the same rate, 16 kHz as soon as one of them is wideband. A
    /// rate once taken is kept while something runs: nothing is made anew because somebody leaves.
    private func sharedRates() -> [Int] {
        var rates = [Int](repeating: 8_000, count: slots.bound)
        for slot in openSlots {
            rates[slot] = slots[slot].naturalRate
            if slots[slot].needsTicks { rates[slot] = max(rates[slot], slots[slot].rate) }
        }
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            func raise(_ slot: Int, to rate: Int) {
                guard rates[slot] < rate else { return }
                rates[slot] = rate
                hasChanged = true
            }
            for room in rooms {
                let rate = room.members.reduce(8_000) { max($0, rates[$1.slot]) }
                for member in room.members { raise(member.slot, to: rate) }
            }
            for fork in forks {
                let rate = max(rates[fork.slot], rates[fork.target])
                raise(fork.slot, to: rate)
                raise(fork.target, to: rate)
            }
        }
        return rates
    }
}
