package import Primitives

extension MediaGraph {
    /// When `handleDeadline` has work: a tick, or a session's. Nil without sessions. It moves with every command, and
    /// earlier with a datagram.
    package var nextDeadline: Instant? { nextTick.orEarlier(nextLook) }

    /// Does a part of what is due and puts packets into `output`, as long as that has room for one input more. To be called
    /// again, `output` flushed, while `nextDeadline` is not later than `now`.
    package mutating func handleDeadline(at now: Instant, output: inout PacketBatch) {
        if let tick = nextTick, tick <= now { return run(tick, now: now, output: &output) }
        if let due = nextLook, due <= now { lookAtSessions(at: now, output: &output) }
    }

    // MARK: Deadlines of sessions

    mutating func look(at deadline: Instant?) {
        guard let deadline else { return }
        nextLook = min(nextLook ?? deadline, deadline)
    }

    private mutating func lookAtSessions(at now: Instant, output: inout PacketBatch) {
        var slot = lookSlot ?? 0
        var needsSettling = false
        defer { if needsSettling { settle(at: now) } }
        while slot < slots.bound {
            guard output.hasRoomForOneInput else { return lookSlot = slot }
            defer { slot += 1 }
            guard slots.contains(slot) else { continue }
            if let due = slots[slot].nextDeadline, due <= now {
                handleDeadline(of: slot, at: now, output: &output)
                if slots[slot].needsSettling { needsSettling = true }
            }
            if slots[slot].isHoldingPackets { lookSoon = lookSoon.orEarlier(slots[slot].nextDeadline) }
            lookFound = lookFound.orEarlier(slots[slot].nextDeadline)
        }
        nextLook = lookFound.map { max($0, now + Self.deadlineStep) }.orEarlier(lookSoon)
        lookSlot = nil
        lookFound = nil
        lookSoon = nil
    }

    private mutating func handleDeadline(of slot: Int, at now: Instant, output: inout PacketBatch) {
        output.slot = slot
        let silent = slots[slot].handleDeadline(at: now, output: &output)
        collect(slot)
        for side in silent { events.append(.silent(slots[slot].id, side)) }
        events += slots[slot].takeEvents(at: now)
    }

    // MARK: Ticks

    /// The last point of the grid that is not after `now`.
    static func tick(before now: Instant) -> Instant {
        let step = Room.tick.wholeNanoseconds
        return Instant(nanoseconds: now.nanoseconds - (now.nanoseconds % step + step) % step)
    }

    private mutating func run(_ tick: Instant, now: Instant, output: inout PacketBatch) {
        guard now - tick <= Self.latestTick else { return skipTicks(to: now) }
        if tickSlot == nil {
            for slot in ticking { slots[slot].listen(at: tick) }
            for index in rooms.indices { mix(index, at: tick) }
            for fork in forks { overhear(fork) }
        }
        let from = tickSlot ?? 0
        for slot in ticking where slot >= from {
            guard output.hasRoomForOneInput else { return tickSlot = slot }
            output.slot = slot
            slots[slot].speak(at: tick, output: &output)
        }
        tickSlot = nil
        nextTick = tick + Room.tick
        var needsSettling = false
        for slot in ticking where slots[slot].hasNews || slots[slot].needsSettling {
            collect(slot)
            if slots[slot].needsSettling { needsSettling = true }
        }
        if needsSettling { settle(at: now) }
    }

    /// The worker was held up for long: what was to be heard meanwhile is left out.
    private mutating func skipTicks(to now: Instant) {
        for slot in ticking { slots[slot].pauseSpeaking() }
        tickSlot = nil
        nextTick = Self.tick(before: now)
    }

    private mutating func mix(_ index: Int, at tick: Instant) {
        rooms[index].begin()
        for place in rooms[index].members.indices {
            let member = rooms[index].members[place]
            rooms[index].take(place, slots[member.slot].said(member.side))
        }
        for place in rooms[index].members.indices {
            let member = rooms[index].members[place]
            if member.participation.mayHear, let heard = slots[member.slot].heard(member.side) {
                rooms[index].hear(place, into: heard)
            }
        }
        if let speaking = rooms[index].end(at: tick) { events.append(.speaking(rooms[index].id, speaking)) }
    }

    /// A fork hears voices, and what is made for others; not what other forks hear.
    private func overhear(_ fork: Fork) {
        guard let heard = slots[fork.slot].heard(fork.name.side) else { return }
        heard.update(repeating: 0)
        for side in MediaSide.allCases {
            if fork.hearsSaid(side), let said = slots[fork.target].said(side) {
                Self.add(said, to: heard)
            }
            guard fork.hearsHeard(side), let made = slots[fork.target].heard(side) else { continue }
            if case .listening = slots[fork.target].program(of: side) { continue }
            Self.add(UnsafeBufferPointer(made), to: heard)
        }
    }

    private static func add(_ samples: UnsafeBufferPointer<Int16>, to heard: UnsafeMutableBufferPointer<Int16>) {
        for index in 0..<min(samples.count, heard.count) {
            heard[index] = SoftLimiter.limit(Int32(heard[index]) + Int32(samples[index]))
        }
    }
}
