package import Media
package import Primitives
import SIPDialog
import SIPMessage
import SIPTransaction

/// A call as an invariant checker sees it: what is kept, not what is said of it.
package struct CallInspection: Sendable, Equatable {
    /// The call's number, and that of its media session.
    package var id: UInt64
    /// It has a place among `Limits.calls`.
    package var isActive: Bool
    /// Media are open, or being opened or closed.
    package var hasMedia: Bool
    /// Both sides may hear each other.
    package var isTalking: Bool
    /// Its record has been written.
    package var hasRecord: Bool
    /// Nothing is left of it but that it has not been forgotten yet.
    package var isOver: Bool
    /// A conference room or an echo: whoever is on side a hears that, and side b is nobody's.
    package var isService: Bool
    /// The conference room that it is in.
    package var room: RoomID?
    /// The parties that belong to it, and those that did.
    package var legs: [LegInspection]
    /// The legs that are joined; or that one is heard already.
    package var joined: [MediaSide: Int]
    /// When it wants to be woken.
    package var deadline: Instant?
}

/// A leg of a call, likewise.
package struct LegInspection: Sendable, Equatable {
    package var callID: String
    package var localTag: String
    /// The number of the party.
    package var party: String
    package var side: MediaSide
    /// It has gone into another call.
    package var hasMoved: Bool
    package var isOver: Bool
    /// What was agreed with it last.
    package var stream: MediaStreamDescription?
}

extension Call {
    var inspection: CallInspection {
        var joined = bridge
        if let fork, let early, joined[fork.side] == nil { joined[fork.side] = early }
        let hasMedia: Bool
        switch phase {
        case .opening, .ringing, .talking, .ending: hasMedia = true
        case .ended: hasMedia = false
        }
        let isService = service != nil && application?.isConnected != true
        return CallInspection(
            id: id, isActive: isActive, hasMedia: hasMedia, isTalking: phase == .talking,
            hasRecord: phase == .ended && isRecorded, isOver: isOver, isService: isService, room: room,
            legs: legs.indices.map {
                LegInspection(
                    callID: legs[$0].dialog?.id.callID ?? legs[$0].invite.headers[.callID] ?? "",
                    localTag: legs[$0].localTag, party: legs[$0].party.number, side: participants[$0].side,
                    hasMoved: participants[$0].hasMoved, isOver: legs[$0].isOver, stream: legs[$0].media.stream)
            },
            joined: joined, deadline: nextDeadline)
    }
}

extension CallControl {
    /// The numbers of the calls that are kept, ascending.
    package var keptCalls: [UInt64] { revisions.keys.sorted() }

    /// The numbers of the appliance's own calls whose media are being opened, ascending.
    package var openingCalls: [UInt64] { originations.keys.sorted() }

    /// Counts what happens to calls.
    package var inspectionRevision: UInt64 { revision }

    /// The calls to which something has happened since that revision, the oldest first; 0: every call that is kept.
    package func inspections(since seen: UInt64) -> [CallInspection] {
        changed(since: seen).compactMap { calls[$0]?.inspection }
    }

    private func changed(since seen: UInt64) -> [UInt64] {
        revisions.filter { $0.value > seen }.map(\.key).sorted()
    }

    /// What does not fit together in what is kept, in words; empty when all is well. Of calls, those to which something
    /// has happened since that revision are looked at; with 0 every call, and everything that is remembered of legs.
    package func contradictions(since seen: UInt64, _ context: CallContext) -> [String] {
        var found: [String] = []
        for id in changed(since: seen) {
            if let call = calls[id] { found += contradictions(in: call, context) }
        }
        if calls.count != revisions.count { found.append("\(calls.count) calls have \(revisions.count) revisions") }
        if deadlines.count > calls.count + originations.count {
            found.append("a deadline outlives its call")
        }
        found += context.directory.orphans { revisions[$0] != nil }
        guard seen == 0 else { return found }
        let active = calls.values.count(where: \.isActive)
        if active != activeCount { found.append("\(active) calls are active, \(activeCount) are counted") }
        let known = calls
        found += context.directory.strays { known[$0.call]?.legs.indices.contains($0.leg) == true }
        return found.sorted()
    }

    private func contradictions(in call: Call, _ context: CallContext) -> [String] {
        var found: [String] = []
        if call.isOver { found.append("call \(call.id) is over and still kept") }
        if !call.wishes.isEmpty { found.append("call \(call.id) has a wish that nobody has heard") }
        if call.legs.count != call.participants.count { found.append("call \(call.id) miscounts its legs") }
        if deadlines.due(of: call.id) != call.nextDeadline {
            found.append("call \(call.id) is not woken when it wants to be")
        }
        for index in call.legs.indices where !call.participants[index].hasMoved {
            let reference = LegReference(call: call.id, leg: index)
            if call.legs[index].reference != reference {
                found.append("leg \(index) of call \(call.id) believes to be another")
            }
            if !call.legs[index].isOver, context.directory.leg(tag: call.legs[index].localTag) != reference {
                found.append("leg \(index) of call \(call.id) cannot be found by its tag")
            }
        }
        return found
    }
}
