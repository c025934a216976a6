import Primitives

/// A room: every 10 ms the voices of those in it are added up, and each hears the sum without its own.
///
/// ```text
/// said ──▶ gain, ramped over 10 ms ──▶ contribution ──┬──▶ sum ──▶ minus its own ──▶ soft limit ──▶ heard
///             ▲ muted, gated: 0                        └──▶ level ──▶ gate, who is speaking
/// ```
/// Who joins, is muted or is gated is faded in and out within a tick. Who leaves in the middle of a word is faded out by
/// its last 10 ms, played backwards. After set-up nothing is allocated.
struct Room {
    struct Member {
        let slot: Int
        let name: RoomMember
        /// Where its contribution stands.
        fileprivate let row: Int
        fileprivate(set) var participation: RoomParticipation
        /// In units of 2^-12, at the end of the last tick.
        fileprivate var gain: Int32 = 0
        /// What it is to be when it talks.
        fileprivate var fullGain: Int32
        /// Mean magnitude of what it contributes, rising at once and falling within a quarter of a second.
        fileprivate(set) var level: Int32 = 0
        /// Among the loudest, if only they are heard.
        fileprivate var isOpen = true
        /// Ticks since it was loud enough to be a voice.
        fileprivate var quietTicks = Room.hangover
        fileprivate var contributes = false

        var side: MediaSide { name.side }
    }

    /// 10 ms.
    static let tick = Duration.milliseconds(10)
    /// Samples of a tick at the higher rate.
    static let samplesAtMost = 160
    /// Mean magnitude from which something is taken for a voice: 44 dB below full scale.
    private static let voice: Int32 = 200
    /// Ticks for which a voice goes on through a pause.
    private static let hangover = 30
    /// Who is heard, is told no more often.
    private static let toldEvery = Duration.seconds(1)
    private static let unity: Int32 = 4_096

    let id: RoomID
    private let limit: Int
    private(set) var members: [Member] = []
    private(set) var rate = 8_000
    private var loudest: Int?
    private let contributions: MixBuffer
    /// The row of the sum and that of what is left of those who have gone.
    private let sumRow: Int
    private let tailRow: Int
    private var hasTail = false
    /// By row: who was told to be speaking, and when.
    private var told: UInt64 = 0
    private var toldAt: Instant?

    /// `limit` is 62 at most.
    init(_ id: RoomID, limit: Int) {
        self.id = id
        self.limit = min(62, limit)
        sumRow = self.limit
        tailRow = self.limit + 1
        contributions = MixBuffer(rows: self.limit + 2, rowSamples: Self.samplesAtMost)
    }

    /// Samples of a tick.
    var samples: Int { rate / 100 }

    // MARK: Who is in it

    func index(of name: RoomMember) -> Int? { members.firstIndex { $0.name == name } }

    /// Joins, or takes part in another way from now on; false when the room is full.
    mutating func join(_ name: RoomMember, slot: Int, _ participation: RoomParticipation) -> Bool {
        let gain = Self.gain(participation)
        if let index = index(of: name) {
            members[index].participation = participation
            members[index].fullGain = gain
            return true
        }
        guard members.count < limit, let row = (0..<limit).first(where: { row in !members.contains { $0.row == row } })
        else { return false }
        members.append(Member(slot: slot, name: name, row: row, participation: participation, fullGain: gain))
        return true
    }

    mutating func leave(_ name: RoomMember) {
        guard let index = index(of: name) else { return }
        let member = members.remove(at: index)
        guard member.contributes else { return }
        let last = contributions.row(member.row, samples)
        let tail = contributions.row(tailRow, samples)
        if !hasTail { tail.update(repeating: 0) }
        hasTail = true
        for index in 0..<samples {
            tail[index] += last[samples - 1 - index] * Int32(samples - index) / Int32(samples)
        }
    }

    /// Only so many are mixed; nil: all.
    mutating func gate(loudest: Int?) {
        self.loudest = loudest.map { max(1, $0) }
        openLoudest()
    }

    /// Goes on at 8000 or 16000 samples a second.
    mutating func setRate(_ new: Int) {
        guard new != rate else { return }
        rate = new
        hasTail = false
        for index in members.indices { members[index].contributes = false }
    }

    private static func gain(_ participation: RoomParticipation) -> Int32 {
        let range = RoomParticipation.gainRange
        let decibels = min(range.upperBound, max(range.lowerBound, participation.gainDecibels))
        return Int32((Elementary.ratio(decibels: Double(decibels) / 2) * Double(unity)).rounded())
    }

    // MARK: A tick

    /// Begins a tick: the sum is what is left of those who have gone.
    mutating func begin() {
        let sum = contributions.row(sumRow, samples)
        guard hasTail else { return sum.update(repeating: 0) }
        let tail = contributions.row(tailRow, samples)
        for index in 0..<samples { sum[index] = tail[index] }
        hasTail = false
    }

    /// Adds what a member has said in this tick; nil: nothing can be heard of it.
    mutating func take(_ index: Int, _ said: UnsafeBufferPointer<Int16>?) {
        let count = samples
        guard let said, said.count >= count else {
            members[index].contributes = false
            members[index].gain = 0
            return
        }
        let talks = members[index].participation.mayTalk
        measure(index, said)
        let before = members[index].gain
        let after = talks && members[index].isOpen ? members[index].fullGain : 0
        members[index].gain = after
        members[index].contributes = before != 0 || after != 0
        guard before != 0 || after != 0 else { return }
        let own = contributions.row(members[index].row, count)
        let sum = contributions.row(sumRow, count)
        if before == after {
            for index in 0..<count {
                let value = (Int32(said[index]) &* after) &>> 12
                own[index] = value
                sum[index] &+= value
            }
        } else {
            for index in 0..<count {
                let gain = before + (after - before) * Int32(index + 1) / Int32(count)
                let value = (Int32(said[index]) &* gain) &>> 12
                own[index] = value
                sum[index] &+= value
            }
        }
    }

    /// What a member hears of this tick, after all have been taken.
    func hear(_ index: Int, into heard: UnsafeMutableBufferPointer<Int16>) {
        let count = samples
        let sum = contributions.row(sumRow, count)
        guard members[index].contributes else { return SoftLimiter.limit(sum, into: heard) }
        let own = contributions.row(members[index].row, count)
        SoftLimiter.limit(sum, less: own, into: heard)
    }

    /// Ends a tick: decides who is heard in the next, and says who speaks when that is to be told.
    mutating func end(at now: Instant) -> [RoomMember]? {
        openLoudest()
        var speaking: UInt64 = 0
        for member in members where member.quietTicks < Self.hangover { speaking |= 1 << UInt64(member.row) }
        guard speaking != told, toldAt.map({ now - $0 >= Self.toldEvery }) ?? true else { return nil }
        told = speaking
        toldAt = now
        return members.filter { speaking & 1 << UInt64($0.row) != 0 }.map(\.name)
    }

    // MARK: Levels

    private mutating func measure(_ index: Int, _ said: UnsafeBufferPointer<Int16>) {
        var sum: Int32 = 0
        for sample in said.prefix(samples) { sum &+= abs(Int32(sample)) }
        let gain = members[index].participation.mayTalk ? members[index].fullGain : 0
        let level = Int32(truncatingIfNeeded: Int64(sum / Int32(samples)) * Int64(gain) / Int64(Self.unity))
        members[index].level = max(level, members[index].level - members[index].level / 8)
        members[index].quietTicks = level >= Self.voice ? 0 : min(Self.hangover, members[index].quietTicks + 1)
    }

    /// Who is heard stays so until somebody is half as loud again.
    private mutating func openLoudest() {
        guard let loudest, loudest < members.count else {
            for index in members.indices { members[index].isOpen = true }
            return
        }
        var open: UInt64 = 0
        for index in members.indices {
            let own = score(index)
            var louder = 0
            for other in members.indices where other != index {
                let score = score(other)
                if score > own || score == own && other < index { louder += 1 }
            }
            if louder < loudest { open |= 1 << UInt64(index) }
        }
        for index in members.indices { members[index].isOpen = open & 1 << UInt64(index) != 0 }
    }

    private func score(_ index: Int) -> Int64 {
        Int64(members[index].level) * (members[index].isOpen ? 3 : 2)
    }
}
