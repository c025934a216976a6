import Media
import Testing

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
