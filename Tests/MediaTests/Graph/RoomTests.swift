import Media
import Primitives
import RTP
import Testing

@Suite struct RoomTests {
    private static let room = RoomID(1)
    /// Multiples of 10 Hz, none the sum or the double of another.
    private static let tones: [Double] = [310, 430, 570, 730, 910, 1_130, 1_390, 1_690, 2_030, 2_410]

    @Test func `ten rooms of ten each hear exactly the nine others`() throws {
        let harness = GraphHarness()
        for room in 0..<10 {
            for place in 0..<10 {
                let id = UInt64(room * 10 + place + 1)
                try harness.phone(id, .a, place % 2 == 0 ? .pcma : .pcmu, hertz: Self.tones[place], amplitude: 1_500)
                harness.hear(id, .a, .room(RoomID(UInt64(room)), RoomParticipation()))
            }
        }
        #expect(harness.graph.roomCount == 10)
        harness.run(600)
        // Of each room another three are listened to closely: that is enough work.
        for phone in harness.phones where phone.session.value % 3 == 0 {
            let place = Int(phone.session.value - 1) % 10
            for (index, hertz) in Self.tones.enumerated() {
                let amplitude = phone.amplitude(hertz)
                if index == place {
                    #expect(amplitude < 60, "\(phone.session.value) hears itself: \(amplitude)")
                } else {
                    #expect((1_350...1_650).contains(amplitude), "\(phone.session.value) \(hertz): \(amplitude)")
                }
            }
        }
        for id in 1...100 { harness.close(UInt64(id)) }
        #expect(harness.graph.roomCount == 0 && harness.graph.nextDeadline == nil)
    }

    @Test func `as soon as one is wideband a room is, and narrowband telephones take part`() throws {
        let harness = GraphHarness()
        let low = try harness.phone(1, .a, .pcma, hertz: 500)
        harness.hear(1, .a, .room(Self.room, RoomParticipation()))
        harness.run(200)
        let first = try harness.phone(2, .a, .g722, hertz: 5_000)
        let second = try harness.phone(3, .a, .g722, hertz: 900)
        for id: UInt64 in [2, 3] { harness.hear(id, .a, .room(Self.room, RoomParticipation())) }
        harness.run(800)
        #expect((1_500...2_500).contains(second.amplitude(5_000)))
        #expect((1_500...2_500).contains(second.amplitude(500)))
        #expect(second.amplitude(900) < 150)
        #expect((1_500...2_500).contains(first.amplitude(500)))
        #expect((1_500...2_500).contains(low.amplitude(900)))
        // 5 kHz neither passes nor comes down as its mirror.
        #expect(low.amplitude(3_000) < 60)
    }

    @Test func `two sides of one session can be in a room, with a third`() throws {
        let harness = GraphHarness()
        let a = try harness.phone(1, .a, hertz: 500)
        let b = try harness.phone(1, .b, hertz: 800)
        let c = try harness.phone(2, .a, hertz: 1_200)
        harness.hear(1, .a, .room(Self.room, RoomParticipation()))
        harness.hear(1, .b, .room(Self.room, RoomParticipation()))
        harness.hear(2, .a, .room(Self.room, RoomParticipation()))
        harness.run(500)
        #expect(a.amplitude(800) > 1_700 && a.amplitude(1_200) > 1_700 && a.amplitude(500) < 60)
        #expect(b.amplitude(500) > 1_700 && b.amplitude(1_200) > 1_700 && b.amplitude(800) < 60)
        #expect(c.amplitude(500) > 1_700 && c.amplitude(800) > 1_700 && c.amplitude(1_200) < 60)
    }

    @Test func `who joins, is muted, leaves or hangs up makes no click`() throws {
        let harness = GraphHarness()
        let listener = try harness.phone(1)
        for (id, hertz) in [(UInt64(2), 200.0), (3, 260), (4, 330)] {
            try harness.phone(id, .a, hertz: hertz, amplitude: 6_000)
        }
        let room = AudioProgram.room(Self.room, RoomParticipation())
        for id: UInt64 in [1, 2, 3] { harness.hear(id, .a, room) }
        harness.run(400)
        harness.hear(4, .a, room)
        harness.run(207)
        harness.hear(3, .a, .room(Self.room, RoomParticipation(mayTalk: false)))
        harness.run(210)
        harness.hear(3, .a, .room(Self.room, RoomParticipation(gainDecibels: -6)))
        harness.run(210)
        harness.hear(4, .a, .silence)
        harness.run(210)
        harness.close(3)
        harness.run(400)
        // The steepest that the three tones are together is 3,800 a sample; what companding adds is small beside it.
        let steepest = 6_000.0 * 2 * Double.pi * (200 + 260 + 330) / 8_000
        let largest = Spectrum.largestStep(listener.heard.dropFirst(2_400))
        #expect(Double(largest) < steepest + 700, "\(largest)")
        #expect(listener.amplitude(200) > 5_000 && listener.amplitude(260) < 100 && listener.amplitude(330) < 100)
    }

    @Test func `muting, deafness and gain do what they say`() throws {
        let harness = GraphHarness()
        let phones = try [400.0, 700, 1_100].enumerated().map {
            try harness.phone(UInt64($0.offset + 1), .a, hertz: $0.element)
        }
        harness.hear(1, .a, .room(Self.room, RoomParticipation(mayTalk: false)))
        harness.hear(2, .a, .room(Self.room, RoomParticipation(mayHear: false)))
        harness.hear(3, .a, .room(Self.room, RoomParticipation(gainDecibels: 6)))
        harness.run(600)
        #expect(phones[2].amplitude(400) < 30 && phones[2].amplitude(700) > 1_700)
        #expect(phones[1].headers.isEmpty)
        #expect((3_700...4_300).contains(phones[0].amplitude(1_100)))
    }

    @Test func `sums that are too loud are limited without wrapping round`() throws {
        let harness = GraphHarness()
        let listener = try harness.phone(1)
        harness.hear(1, .a, .room(Self.room, RoomParticipation()))
        for id: UInt64 in 2...6 {
            try harness.phone(id, .a, hertz: 250, amplitude: 16_000)
            harness.hear(id, .a, .room(Self.room, RoomParticipation(gainDecibels: 20)))
        }
        harness.run(500)
        let tail = listener.heard.suffix(1_600)
        #expect((tail.max() ?? 0) > 29_000)
        // A wave that wraps would cross zero far more often than 250 Hz does.
        let crossings = zip(tail, tail.dropFirst()).count { ($0 < 0) != ($1 < 0) }
        #expect((95...105).contains(crossings), "\(crossings)")
    }

    @Test func `only the loudest are mixed through a gate`() throws {
        let harness = GraphHarness()
        let listener = try harness.phone(1)
        for (id, level) in [(UInt64(2), 4_000.0), (3, 1_000), (4, 3_000)] {
            try harness.phone(id, .a, hertz: Double(id) * 300, amplitude: level)
        }
        for id: UInt64 in 1...4 { harness.hear(id, .a, .room(Self.room, RoomParticipation())) }
        harness.command(.gate(Self.room, loudest: 2))
        harness.run(600)
        #expect(listener.amplitude(600) > 3_500 && listener.amplitude(1_200) > 2_600 && listener.amplitude(900) < 50)
        harness.command(.gate(Self.room, loudest: nil))
        harness.run(400)
        #expect(listener.amplitude(900) > 850)
        harness.command(.gate(RoomID(99), loudest: 1))
        #expect(harness.graph.refusedCommands == 1)
    }

    @Test func `who speaks is told when it changes, once a second at most`() throws {
        let harness = GraphHarness()
        for id: UInt64 in 1...3 { try harness.phone(id, .a, hertz: id == 2 ? 500 : nil) }
        for id: UInt64 in 1...3 { harness.hear(id, .a, .room(Self.room, RoomParticipation())) }
        harness.run(1_000)
        #expect(harness.takeEvents() == [.speaking(Self.room, [RoomMember(MediaSessionID(2), .a)])])
        harness.phones[0].tone = ToneGenerator(frequency: 700)
        harness.phones[1].tone = nil
        harness.run(3_000)
        let told = harness.takeEvents().filter { if case .speaking = $0 { true } else { false } }
        #expect(told.last == .speaking(Self.room, [RoomMember(MediaSessionID(1), .a)]))
        #expect(told.count <= 2)
    }

    @Test func `a participant whose packets stop falls silent, and the others go on`() throws {
        let harness = GraphHarness()
        let listener = try harness.phone(1)
        try harness.phone(2, .a, hertz: 500)
        let lost = try harness.phone(3, .a, hertz: 900)
        for id: UInt64 in 1...3 { harness.hear(id, .a, .room(Self.room, RoomParticipation())) }
        harness.run(500)
        #expect(listener.amplitude(900) > 1_700)
        lost.isSending = false
        harness.run(600)
        #expect(listener.amplitude(900) < 30 && listener.amplitude(500) > 1_700)
        lost.isSending = true
        harness.run(600)
        #expect(listener.amplitude(900) > 1_700 && listener.amplitude(500) > 1_700)
    }

    @Test func `a participant may change its codec and packet time`() throws {
        let harness = GraphHarness()
        try harness.phone(1, .a, hertz: 500)
        try harness.phone(2, .a, hertz: 800)
        for id: UInt64 in 1...2 { harness.hear(id, .a, .room(Self.room, RoomParticipation())) }
        harness.run(400)
        let wide = try harness.phone(2, .a, .g722, hertz: 800, ptime: 40)
        harness.run(600)
        #expect(wide.amplitude(500) > 1_700)
        #expect(harness.phones[0].amplitude(800) > 1_500)
    }

    @Test func `limits are reached and told, and what ran goes on`() throws {
        var limits = Limits()
        limits.rooms = 2
        limits.roomParticipants = 3
        let harness = GraphHarness(limits: limits)
        for id: UInt64 in 1...5 { try harness.phone(id) }
        for id: UInt64 in 1...3 { harness.hear(id, .a, .room(RoomID(1), RoomParticipation())) }
        harness.hear(4, .a, .room(RoomID(1), RoomParticipation()))
        #expect(harness.takeEvents() == [.refused(MediaSessionID(4), .roomFull(RoomID(1), limit: 3))])
        harness.hear(4, .a, .room(RoomID(2), RoomParticipation()))
        harness.hear(5, .a, .room(RoomID(3), RoomParticipation()))
        #expect(harness.takeEvents() == [.refused(MediaSessionID(5), .tooManyRooms(limit: 2))])
        // Who is refused stays where it was.
        harness.hear(4, .a, .room(RoomID(1), RoomParticipation()))
        harness.run(100)
        #expect(harness.graph.roomCount == 2)
        #expect(MediaRefusal.roomFull(RoomID(1), limit: 3).description.contains("limit"))
    }
}
