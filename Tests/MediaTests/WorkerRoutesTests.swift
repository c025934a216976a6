import Media
import Primitives
import Testing

/// Workers that take their messages whenever they like.
private struct Workers {
    enum Message {
        case command(MediaSessionID, Int)
        case expect(MediaSessionID)
        case handOver(MediaSessionID, to: Int)
        case adopt(MediaSessionID)
    }
    var routes: WorkerRoutes
    var mailboxes: [[Message]]
    var expected: [ExpectedSessions<Message>]
    var present: [Set<MediaSessionID>]
    /// What was done for each session, in order.
    var done: [MediaSessionID: [Int]] = [:]
    var missed = 0

    init(_ count: Int) {
        routes = WorkerRoutes(workers: count)
        mailboxes = Array(repeating: [], count: count)
        expected = Array(repeating: ExpectedSessions(), count: count)
        present = Array(repeating: [], count: count)
    }

    mutating func submit(_ command: MediaCommand, number: Int) -> Bool {
        guard let id = command.session else { return false }
        for step in routes.route(command) {
            switch step {
            case .move(let id, let from, let to):
                mailboxes[to].append(.expect(id))
                mailboxes[from].append(.handOver(id, to: to))
            case .post(let worker): mailboxes[worker].append(.command(id, number))
            case .refuse: return false
            }
        }
        return true
    }

    mutating func turn(_ worker: Int) {
        guard !mailboxes[worker].isEmpty else { return }
        take(mailboxes[worker].removeFirst(), worker)
    }

    private mutating func take(_ message: Message, _ worker: Int) {
        switch message {
        case .command(let id, let number):
            if expected[worker].keep(message, for: id) { return }
            if !present[worker].contains(id) { missed += 1 }
            done[id, default: []].append(number)
        case .expect(let id): expected[worker].expect(id, by: message)
        case .handOver(let id, let to):
            if expected[worker].keep(message, for: id) { return }
            if present[worker].remove(id) == nil { missed += 1 }
            mailboxes[to].append(.adopt(id))
        case .adopt(let id):
            let waiting = expected[worker].arrived(id)
            present[worker].insert(id)
            for message in waiting { take(message, worker) }
        }
    }
}

/// Which worker has which session.
@Suite struct WorkerRoutesTests {
    private func id(_ value: UInt64) -> MediaSessionID { MediaSessionID(value) }

    private func join(_ session: UInt64, _ side: MediaSide, _ room: UInt64) -> MediaCommand {
        .hear(id(session), side, .room(RoomID(room), RoomParticipation()))
    }

    private func join(_ session: UInt64, _ room: UInt64) -> MediaCommand { join(session, .a, room) }

    @Test func `sessions are spread by their names`() {
        var routes = WorkerRoutes(workers: 3)
        for session: UInt64 in 0..<9 {
            #expect(routes.route(.open(id(session))) == [.post(to: Int(session % 3))])
            #expect(routes.route(.close(id(session))) == [.post(to: Int(session % 3))])
        }
        #expect(routes.route(.gate(RoomID(1), loudest: nil)) == [.post(to: 0)])
    }

    @Test(arguments: [2, 3])
    func `whatever way sessions go, what is asked of each is done in its order, where it is`(count: Int) {
        for seed: UInt64 in 0..<60 {
            var entropy = Entropy(SeededGenerator(seed: seed))
            func chance(_ bound: Int) -> Int { Int(entropy.next() % UInt64(bound)) }
            var workers = Workers(count)
            let sessions = 6
            var asked: [MediaSessionID: [Int]] = [:]
            for session in 0..<sessions { workers.present[session % count].insert(id(UInt64(session))) }
            for number in 0..<200 {
                let session = UInt64(chance(sessions))
                let command: MediaCommand =
                    switch chance(3) {
                    case 0: .hear(id(session), .a, .peer)
                    case 1: .setEcho(id(session))
                    default: join(session, UInt64(chance(3)))
                    }
                if workers.submit(command, number: number) { asked[id(session), default: []].append(number) }
                // The first is slow.
                if chance(8) == 0 { workers.turn(0) }
                workers.turn(1 + chance(count - 1))
            }
            while let busy = workers.mailboxes.firstIndex(where: { !$0.isEmpty }) { workers.turn(busy) }
            #expect(workers.done == asked && workers.missed == 0, "seed \(seed)")
        }
    }

    @Test func `a session is opened where it is wanted, and stays there until it is closed`() {
        var routes = WorkerRoutes(workers: 3)
        #expect(routes.route(.open(id(4)), newOn: 0) == [.post(to: 0)])
        #expect(routes.route(.open(id(4)), newOn: 2) == [.post(to: 0)], "it is open")
        #expect(routes.route(.openForHelp(id(5)), newOn: 0) == [.post(to: 0)])
        #expect(routes.route(join(4, 7)) == [.post(to: 0)])
        #expect(routes.route(join(5, 7)) == [.post(to: 0)])
        #expect(routes.route(.close(id(4))) == [.post(to: 0)])
        #expect(routes.route(.open(id(4))) == [.post(to: 1)], "by its name, when nobody says where")
    }

    @Test func `with one worker there is nowhere else to go`() {
        var routes = WorkerRoutes(workers: 1)
        #expect(routes.route(join(1, 7)) == [.post(to: 0)])
        #expect(routes.route(.hear(id(2), .a, .listening(Listening(to: id(1))))) == [.post(to: 0)])
        #expect(WorkerRoutes(workers: 0).workers == 1)
    }

    @Test func `a room is where its first member was, and others are handed over there`() {
        var routes = WorkerRoutes(workers: 4)
        #expect(routes.route(join(2, 7)) == [.post(to: 2)])
        #expect(routes.route(join(5, 7)) == [.move(id(5), from: 1, to: 2), .post(to: 2)])
        #expect(routes.route(.gate(RoomID(7), loudest: 3)) == [.post(to: 2)])
        // Muting is the same program again; nothing moves.
        #expect(routes.route(join(5, 7)) == [.post(to: 2)])
        #expect(routes.route(.setEcho(id(5))) == [.post(to: 2)], "where it is now")
        #expect(routes.route(.hear(id(5), .a, .peer)) == [.post(to: 2)], "it stays")
        #expect(routes.route(.close(id(5))) == [.post(to: 2)])
        #expect(routes.worker(of: id(5)) == 1, "one of that name would be a new one")
    }

    @Test func `a room that all have left may be anywhere`() {
        var routes = WorkerRoutes(workers: 2)
        #expect(routes.route(join(2, 7)) == [.post(to: 0)])
        #expect(routes.route(join(3, 7)).count == 2)
        #expect(routes.route(.close(id(2))) == [.post(to: 0)])
        #expect(routes.route(join(4, 7)) == [.post(to: 0)], "one is left")
        #expect(routes.route(.hear(id(3), .a, .silence)) == [.post(to: 0)])
        #expect(routes.route(.close(id(4))) == [.post(to: 0)])
        #expect(routes.route(join(5, 7)) == [.post(to: 1)], "here now")
    }

    @Test func `from room to room a session moves again`() {
        var routes = WorkerRoutes(workers: 3)
        #expect(routes.route(join(0, 10)) == [.post(to: 0)])
        #expect(routes.route(join(1, 11)) == [.post(to: 1)])
        #expect(routes.route(join(2, 10)) == [.move(id(2), from: 2, to: 0), .post(to: 0)])
        #expect(routes.route(join(2, 11)) == [.move(id(2), from: 0, to: 1), .post(to: 1)])
    }

    @Test func `a listener goes to whom it hears`() {
        var routes = WorkerRoutes(workers: 2)
        #expect(
            routes.route(.hear(id(2), .a, .listening(Listening(to: id(5))))) == [
                .move(id(2), from: 0, to: 1), .post(to: 1),
            ])
        #expect(routes.route(.hear(id(4), .a, .listening(Listening(to: id(6))))) == [.post(to: 0)])
    }

    @Test func `a side cannot be torn from its other side, which is bound elsewhere`() {
        var routes = WorkerRoutes(workers: 2)
        #expect(routes.route(join(2, .a, 7)) == [.post(to: 0)])
        #expect(routes.route(join(3, .a, 8)) == [.post(to: 1)])
        #expect(routes.route(join(2, .b, 8)) == [.refuse(id(2), .otherSideElsewhere)])
        #expect(routes.worker(of: id(2)) == 0)
        #expect(routes.route(join(2, .b, 9)) == [.post(to: 0)], "a new room is made here")
        #expect(routes.route(.hear(id(2), .a, .peer)) == [.post(to: 0)])
        #expect(routes.route(.hear(id(2), .b, .playing(Playlist([]), then: .silence))) == [.post(to: 0)])
        #expect(routes.route(join(2, .b, 8)) == [.move(id(2), from: 0, to: 1), .post(to: 1)])
    }
}
