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
    /// How often the core was looked at.
    private(set) var lookCount = 0
    private var strayCount = 0

    init(_ world: World, _ model: MediaModel) {
        self.world = world
        self.model = model
    }

    /// Looks at the core if anything has come to it since the last time; what it keeps does not change by itself.
    func check() {
        let appliance = world.appliance
        guard appliance.inputCount != lookedAt, let inspection = appliance.core?.telephonyInspection else { return }
        lookedAt = appliance.inputCount
        lookCount += 1
        for text in inspection.contradictions { world.violated(text) }
        if inspection.pendingEffects > 0 { world.violated("\(inspection.pendingEffects) effects were not taken") }
        checkRecords(inspection)
        checkLegs(inspection.calls)
        checkMedia(inspection.calls)
    }

    private func checkRecords(_ inspection: TelephonyInspection) {
        let unrecorded = inspection.calls.count { !$0.hasRecord }
        let due = inspection.begunCalls - UInt64(unrecorded) + inspection.unreachedCalls
        if inspection.records != due { world.violated("\(inspection.records) records of \(due) calls that have ended") }
    }

    private func checkLegs(_ calls: [CallInspection]) {
        var tags: Set<String> = []
        for call in calls {
            for leg in call.legs where !leg.hasMoved {
                if !tags.insert(leg.localTag).inserted { world.violated("two calls have the leg \(leg.localTag)") }
            }
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
    }

    private func checkMedia(_ calls: [CallInspection]) {
        if model.strayCommands.count > strayCount {
            strayCount = model.strayCommands.count
            world.violated("media: \(model.strayCommands.last ?? "") that is not open")
        }
        var known: [UInt64: CallInspection] = [:]
        for call in calls where call.hasMedia { known[call.id] = call }
        for id in model.sessions.keys.sorted() {
            guard let session = model.sessions[id] else { continue }
            guard let call = known[id], call.isActive else {
                world.violated("media session \(id) outlives its call")
                continue
            }
            for side in MediaSide.allCases { checkEar(of: side, session, call) }
        }
        for call in calls where call.isTalking && model.sessions[call.id] == nil {
            world.violated("call \(call.id) talks without media")
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
        guard let inspection = world.appliance.core?.telephonyInspection else { return }
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
