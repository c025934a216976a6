/// Which worker has which session: sessions are where they were opened, or by their names when nobody said where; those that
/// a room or a listener binds must be on one worker, where the graph mixes without a lock. A room is where its first member was; who joins later is handed over
/// there, and stays until another room asks for it.
///
/// Judged by commands alone. A member whose joining is refused later by its worker counts as one here until it hears
/// something else, which does no harm: the room is found where it is looked for.
package struct WorkerRoutes: Sendable {
    package enum Step: Hashable, Sendable {
        /// The session is taken from one worker to another, before the command.
        case move(MediaSessionID, from: Int, to: Int)
        /// The command is for that worker.
        case post(to: Int)
        /// The command cannot be carried out; nothing has changed.
        case refuse(MediaSessionID, MediaRefusal)
    }
    private struct Place {
        var worker: Int
        var members: Set<RoomMember>
    }

    package let workers: Int
    /// Sessions that are not where their names would have them.
    private var moved: [MediaSessionID: Int] = [:]
    private var rooms: [RoomID: Place] = [:]
    /// What a side is bound to.
    private var ties: [RoomMember: Tie] = [:]
    private enum Tie { case room(RoomID), listening }

    package init(workers: Int) {
        self.workers = max(1, workers)
    }

    package func worker(of id: MediaSessionID) -> Int { moved[id] ?? Int(id.value % UInt64(workers)) }

    /// Where a command goes, and what is to be done before it. A session that it opens is to be on `preferred`; nil: where its
    /// name has it.
    package mutating func route(_ command: MediaCommand, newOn preferred: Int? = nil) -> [Step] {
        guard workers > 1 else { return [.post(to: 0)] }
        switch command {
        case .open(let id), .openForHelp(let id):
            if let preferred, moved[id] == nil { moved[id] = preferred }
            return [.post(to: worker(of: id))]
        case .gate(let room, _): return [.post(to: rooms[room]?.worker ?? 0)]
        case .hear(let id, let side, let program): return hear(id, side, program)
        case .close(let id):
            let worker = worker(of: id)
            for side in MediaSide.allCases { untie(RoomMember(id, side)) }
            moved[id] = nil
            return [.post(to: worker)]
        default: return [.post(to: command.session.map { worker(of: $0) } ?? 0)]
        }
    }

    private mutating func hear(_ id: MediaSessionID, _ side: MediaSide, _ program: AudioProgram) -> [Step] {
        let member = RoomMember(id, side)
        let here = worker(of: id)
        let target: Int
        switch program {
        case .room(let room, _): target = rooms[room]?.worker ?? here
        case .listening(let listening): target = worker(of: listening.session)
        case .peer, .silence, .playing: target = here
        }
        if target != here, ties[RoomMember(id, side.other)] != nil { return [.refuse(id, .otherSideElsewhere)] }
        untie(member)
        switch program {
        case .room(let room, _):
            rooms[room, default: Place(worker: target, members: [])].members.insert(member)
            ties[member] = .room(room)
        case .listening: ties[member] = .listening
        case .peer, .silence, .playing: break
        }
        guard target != here else { return [.post(to: here)] }
        moved[id] = target
        return [.move(id, from: here, to: target), .post(to: target)]
    }

    private mutating func untie(_ member: RoomMember) {
        guard case .room(let room)? = ties.removeValue(forKey: member) else { return }
        rooms[room]?.members.remove(member)
        if rooms[room]?.members.isEmpty == true { rooms[room] = nil }
    }
}
