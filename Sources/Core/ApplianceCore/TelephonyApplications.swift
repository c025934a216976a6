import Applications
import CallControl
import Numbering
import SIPMessage
import Settings
import Trunks

/// What the appliance answers itself: who gets to a mailbox, where an application may lead, what administrators see.
extension Telephony {
    /// The mailbox of a user whom a call leads to.
    func mailbox(behind destination: DialPlan.Destination) -> CallFallback? {
        guard case .user(let party) = destination, let box = calls.mailbox(of: party.number) else { return nil }
        return CallFallback(box: party.number, after: .seconds(box.answerSeconds))
    }

    /// Where a number leads that an application rings for its caller. Inside whatever is in the plan; outside only what
    /// the administrator has chosen, never what a caller has dialled.
    mutating func route(of question: RoutingRequest, mayLeave: Bool) -> Route? {
        guard let number = DialPlan.number(in: question.uri) else { return nil }
        let isInside = plan.destination(of: number, calledBy: question.caller) != nil
        guard isInside || mayLeave else { return nil }
        var dialling = Dialling(caller: question.party, origin: question.caller)
        dialling.isWithheld = question.isWithheld
        dialling.isPassedOn = true
        dialling.isInternal = plan.user(question.caller.number) != nil
        guard case .leads(var route, _) = follow(number, dialling) else { return nil }
        route.fallback = mailbox(behind: route.destination)
        return route
    }

    /// Carries a request of an administrator's out.
    mutating func answer(_ request: ApplicationRequest) -> AdminReply {
        let now = context.now
        switch request {
        case .messages(let box):
            return .messages(
                calls.administer(&context) { server in box.map { server.boxes.messages(in: $0) } ?? server.boxes.all })
        case .deleteMessage(let id):
            let isDone = calls.administer(&context) { $0.delete(id) }
            return isDone ? .done("message \(id) deleted") : .refused(status: 404, detail: "there is no message \(id)")
        case .recordings: return .messages(calls.recordedCalls)
        case .deleteRecording(let user, let number):
            let id = MessageID.recording(of: user, number: number)
            return calls.deleteRecording(id, &context)
                ? .done("recording \(user)-\(number) deleted")
                : .refused(status: 404, detail: "there is no recording \(user)-\(number)")
        case .queues:
            let queues = settings.applications.queues
            return .queues(
                calls.administer(&context) { server in
                    queues.map { queue in
                        let state = server.queue(queue.extension)
                        return QueueSummary(
                            number: queue.extension, name: queue.name, waiting: state?.waitingCount ?? 0,
                            serving: queue.agents.filter { state?.isServing($0) ?? false })
                    }
                })
        case .rooms:
            let rooms = settings.applications.rooms
            return .rooms(
                calls.administer(&context) { server in
                    rooms.map { room in
                        let state = server.room(room.extension)
                        return RoomSummary(
                            number: room.extension, name: room.name, isLocked: state?.isLocked ?? false,
                            occupants: state?.roster(at: now) ?? [])
                    }
                } + settings.features.conferences.map { openRoom($0) })
        case .lockRoom(let number, let isLocked):
            let isDone = calls.administer(&context) { $0.lockRoom(number, isLocked) }
            return isDone
                ? .done("room \(number) is \(isLocked ? "locked" : "open")")
                : .refused(status: 404, detail: "there is no conference room with a door at \(number)")
        case .mute(let caller, let number, let isMuted):
            let isDone = calls.administer(&context) { $0.silence(caller, in: number, isMuted) }
            return isDone ? .done(isMuted ? "muted" : "may speak") : Self.notInside(caller, number)
        case .remove(let caller, let number):
            let isDone =
                plan.room(number).map { calls.remove(caller, from: $0, &context) }
                ?? calls.administer(&context) { $0.remove(caller, from: number) }
            return isDone ? .done("removed") : Self.notInside(caller, number)
        }
    }

    /// A room without a door: nobody is its host, and it is never locked.
    private func openRoom(_ number: String) -> RoomSummary {
        RoomSummary(
            number: number, name: "Conference", isLocked: false,
            occupants: plan.room(number).map { calls.occupants(of: $0, at: context.now) } ?? [])
    }

    private static func notInside(_ caller: CallerID, _ number: String) -> AdminReply {
        .refused(status: 404, detail: "\(caller.value) is not in room \(number); see who is")
    }
}
