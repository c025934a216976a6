import Primitives
import SoftphoneCore

/// Something that somebody in the office may do. A new feature adds a line to `all`.
struct OfficeAction: Sendable {
    let name: String
    /// How often, against the others that are possible.
    let weight: Int
    let isPossible: @Sendable (Office, OfficeDesk) -> Bool
    let act: @Sendable (Office, OfficeDesk) -> Void

    static let all: [OfficeAction] = calling + talking + troubles

    // MARK: Calls

    static let calling = [
        dial("call a colleague", 30) { $0.anybody(but: $1).number },
        dial("call the group", 4) { _, _ in Office.group },
        dial("enter a conference room", 5) { office, _ in Office.rooms[office.draw(Office.rooms.count)] },
        dial("call the echo", 1) { _, _ in Office.echo },
        dial("call a number that is nobody's", 1) { _, _ in "999" },
        dial("call oneself", 1) { $1.number },
        OfficeAction(name: "cancel", weight: 4) { _, desk in
            desk.lines.contains { $0.activity == .calling }
        } act: { _, desk in
            desk.lines.first { $0.activity == .calling }?.command(.hangUp)
        },
        OfficeAction(name: "hang up at once when it rings", weight: 2) { _, desk in
            desk.ringingLine != nil
        } act: { _, desk in
            desk.ringingLine?.command(.hangUp)
        },
    ]

    static func dial(
        _ name: String, _ weight: Int, _ number: @escaping @Sendable (Office, OfficeDesk) -> String
    ) -> OfficeAction {
        OfficeAction(name: name, weight: weight) { _, desk in
            desk.isIdle && desk.freeLine != nil
        } act: { office, desk in
            desk.freeLine?.call(number(office, desk))
        }
    }

    // MARK: In a call

    static let talking = [
        OfficeAction(name: "hold", weight: 10) { _, desk in
            desk.steadyLine?.isHolding == false
        } act: { _, desk in
            desk.steadyLine?.command(.hold(true))
        },
        OfficeAction(name: "take back", weight: 10) { _, desk in
            desk.steadyLine?.isHolding == true
        } act: { _, desk in
            desk.steadyLine?.command(.hold(false))
        },
        OfficeAction(name: "transfer blindly", weight: 10) { _, desk in
            desk.steadyLine != nil
        } act: { office, desk in
            desk.steadyLine?.command(.transfer(office.anybody(but: desk).number, replaces: nil))
        },
        OfficeAction(name: "transfer to a number that is nobody's, a group, a room or oneself", weight: 3) { _, desk in
            desk.steadyLine != nil
        } act: { office, desk in
            let numbers = ["999", Office.group, Office.rooms[0], desk.number]
            desk.steadyLine?.command(.transfer(numbers[office.draw(numbers.count)], replaces: nil))
        },
        OfficeAction(name: "consult somebody on the other line", weight: 12) { _, desk in
            desk.steadyLine != nil && desk.freeLine != nil
        } act: { office, desk in
            if let line = desk.steadyLine, !line.isHolding { line.command(.hold(true)) }
            desk.freeLine?.call(office.anybody(but: desk).number)
        },
        OfficeAction(name: "transfer to whom one has consulted", weight: 30) { _, desk in
            desk.lines.count == 2 && desk.lines.contains(where: \.mayChange)
                && desk.lines.allSatisfy { $0.activity == .talking || $0.activity == .calling }
        } act: { _, desk in
            guard let line = desk.steadyLine, let other = desk.lines.first(where: { $0 !== line }) else { return }
            line.command(.transfer(other.peer, replaces: other.dialogID))
        },
        OfficeAction(name: "hang up", weight: 6) { _, desk in
            desk.talkingLine != nil
        } act: { _, desk in
            desk.talkingLine?.command(.hangUp)
        },
        OfficeAction(name: "both ends hang up at once", weight: 2) { _, desk in
            desk.talkingLine != nil
        } act: { office, desk in
            let peer = desk.talkingLine.flatMap { office.desk($0.peer) }
            desk.talkingLine?.command(.hangUp)
            peer?.talkingLine?.command(.hangUp)
        },
    ]

    // MARK: Troubles

    static let troubles = [
        OfficeAction(name: "lose the network for a while", weight: 3) { _, desk in
            desk.lines.allSatisfy { !$0.isCut }
        } act: { office, desk in
            for line in desk.lines { line.cutCable() }
            office.world.after(office.time(500...100_000)) {
                for line in desk.lines { line.mendCable() }
            }
        },
        OfficeAction(name: "restart the telephone", weight: 2) { _, _ in
            true
        } act: { _, desk in
            for line in desk.lines { line.restart() }
        },
        OfficeAction(name: "register anew", weight: 2) { _, desk in
            desk.isIdle
        } act: { office, desk in
            for line in desk.lines {
                line.command(.unregister)
                office.world.after(office.time(1_000...5_000)) { line.connect() }
            }
        },
    ]

    /// Not among `all`: it makes an end of every call.
    static let powerCut = OfficeAction(name: "the appliance restarts", weight: 1) { office, _ in
        office.world.appliance.isOn
    } act: { office, _ in
        office.world.appliance.cutPower()
        office.world.after(office.time(100...20_000)) {
            if !office.world.appliance.isOn { office.world.appliance.powerOn() }
        }
    }
}
