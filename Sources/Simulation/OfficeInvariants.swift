import ApplianceCore
import CallControl
import CloudMessages
import Media
import Primitives

/// What must hold of calls after every step, whatever the seed:
///
/// - each leg belongs to one call, and each dialog, transaction, timer and media session to a call that is there;
/// - nobody hears, or is heard in, a bridge to which they do not belong;
/// - each call that has ended has one record, with a number of its own that is higher than all before.
final class OfficeInvariants {
    private unowned let world: World
    private unowned let model: MediaModel
    private var lookedAt: UInt64 = 0
    private var boot = 0
    /// As far as the core has been looked at, and what was seen there.
    private var revision: UInt64 = 0
    private var calls: [UInt64: CallInspection] = [:]
    /// Of these calls, how many have no record yet.
    private var unrecordedCount = 0
    /// To which call each leg belongs, by its tag.
    private var owners: [String: UInt64] = [:]
    /// How often the core was looked at.
    private(set) var lookCount = 0
    private var strayCount = 0
    /// Every so many looks nothing is taken for unchanged.
    private static let wholeLook = 100

    init(_ world: World, _ model: MediaModel) {
        self.world = world
        self.model = model
    }

    /// Looks at the core if anything has come to it since the last time; what it keeps does not change by itself. Of calls
    /// and media sessions only those are looked at to which something has happened, and every hundredth time all.
    func check() {
        guard world.appliance.inputCount != lookedAt else { return }
        lookedAt = world.appliance.inputCount
        look(isWhole: lookCount % Self.wholeLook == 0)
    }

    private func look(isWhole: Bool) {
        if boot != world.appliance.boot {
            boot = world.appliance.boot
            (revision, calls, unrecordedCount, owners) = (0, [:], 0, [:])
        }
        guard let inspection = world.appliance.inspection(since: isWhole ? 0 : revision) else { return }
        lookCount += 1
        revision = inspection.revision
        for text in inspection.contradictions { world.violated(text) }
        if inspection.pendingEffects > 0 { world.violated("\(inspection.pendingEffects) effects were not taken") }
        var changed = Set(inspection.calls.map(\.id))
        changed.formUnion(take(inspection))
        changed.formUnion(model.takeTouched())
        if isWhole { changed.formUnion(model.sessions.keys) }
        checkRecords(inspection)
        for call in inspection.calls { checkLegs(of: call) }
        changed.subtract(inspection.openingCalls)
        checkMedia(changed.sorted())
    }

    /// Remembers what was seen; the numbers of calls that are not kept any more.
    private func take(_ inspection: TelephonyInspection) -> [UInt64] {
        for call in inspection.calls { forget(call.id) }
        for call in inspection.calls {
            calls[call.id] = call
            if !call.hasRecord { unrecordedCount += 1 }
            for leg in call.legs where !leg.hasMoved {
                if owners.updateValue(call.id, forKey: leg.localTag) != nil {
                    world.violated("two calls have the leg \(leg.localTag)")
                }
            }
        }
        guard calls.count != inspection.keptCalls.count else { return [] }
        let kept = Set(inspection.keptCalls)
        let gone = calls.keys.filter { !kept.contains($0) }
        for id in gone { forget(id) }
        if calls.count != kept.count { world.violated("\(kept.count) calls are kept, \(calls.count) are known") }
        return gone
    }

    private func forget(_ id: UInt64) {
        guard let call = calls.removeValue(forKey: id) else { return }
        if !call.hasRecord { unrecordedCount -= 1 }
        for leg in call.legs where !leg.hasMoved && owners[leg.localTag] == id { owners[leg.localTag] = nil }
    }

    private func checkRecords(_ inspection: TelephonyInspection) {
        let due = inspection.begunCalls - UInt64(unrecordedCount) + inspection.unreachedCalls
        if inspection.records != due { world.violated("\(inspection.records) records of \(due) calls that have ended") }
    }

    private func checkLegs(of call: CallInspection) {
        for (side, index) in call.joined {
            if call.legs[index].hasMoved { world.violated("call \(call.id) joins leg \(index), which has moved") }
            if call.legs[index].side != side {
                world.violated("call \(call.id) joins leg \(index) on the wrong side")
            }
            if call.isTalking, call.legs[index].isOver {
                world.violated("call \(call.id) goes on with leg \(index), which is over")
            }
        }
    }

    private func checkMedia(_ ids: [UInt64]) {
        if model.strayCommands.count > strayCount {
            strayCount = model.strayCommands.count
            world.violated("media: \(model.strayCommands.last ?? "") that is not open")
        }
        for id in ids {
            let call = calls[id]
            if let session = model.sessions[id] {
                guard let call, call.hasMedia, call.isActive else {
                    world.violated("media session \(id) outlives its call")
                    continue
                }
                for side in MediaSide.allCases { checkEar(of: side, session, call) }
            } else if call?.isTalking == true {
                world.violated("call \(id) talks without media")
            }
        }
    }

    /// Who is at the end of that side's stream, and what is sent there.
    private func checkEar(of side: MediaSide, _ session: MediaModel.Session, _ call: CallInspection) {
        guard let stream = session.streams[side] else { return }
        guard let index = call.joined[side] else {
            // Whoever was there has left: nothing may go there any more, nor come from there.
            if stream.sends, session.programs[side] != .silence {
                world.violated("call \(call.id): who has left side \(side) still hears it")
            }
            if stream.receives { world.violated("call \(call.id): who has left side \(side) is still heard") }
            return
        }
        let leg = call.legs[index]
        if stream.remote != leg.stream?.remote {
            world.violated(
                "call \(call.id) sends to \(stream.remote.map { "\($0)" } ?? "nobody"), not to \(leg.party)")
        }
        switch session.programs[side] ?? .peer {
        case .silence, .playing: break
        case .peer:
            if call.room != nil { world.violated("call \(call.id) is in a room and does not hear it") }
        case .room(let room, _):
            if call.room != room {
                world.violated("call \(call.id) hears room \(room.value), to which it does not belong")
            }
        case .listening(let other): world.violated("call \(call.id) listens to call \(other.session.value)")
        }
    }

    // MARK: At rest

    /// Everybody has hung up, and time has passed: nothing is left of any call.
    func checkAtRest() throws(ScenarioFailure) {
        look(isWhole: true)
        if let violation = world.violations.first { throw violation }
        guard let inspection = world.appliance.inspection() else { return }
        try world.require(inspection.calls.isEmpty, "\(inspection.calls.count) calls are left")
        try world.require(model.sessionCount == 0, "\(model.sessionCount) media sessions are left")
        try world.require(
            inspection.serverTransactions == 0 && inspection.clientTransactions == 0,
            "\(inspection.serverTransactions) server and \(inspection.clientTransactions) client transactions are left")
        let ids = world.callRecords.map(\.callDataID)
        try world.require(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "the records' numbers do not ascend")
        if world.appliance.boot == 1 {
            let calls = inspection.begunCalls + inspection.unreachedCalls
            try world.require(UInt64(ids.count) == calls, "\(ids.count) records are stored of \(calls) calls")
        }
    }
}
