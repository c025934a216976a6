import Media
import Primitives
import SoftphoneCore

/// What may be done in a furnished office: codes, orbits, and the appliance's own numbers.
extension OfficeAction {
    static let furnished: [OfficeAction] = codes + secondLine + applications

    // MARK: Codes

    static let codes = [
        dial("switch something by code", 6) { office, desk in
            let number = office.anybody(but: desk).number
            let codes = [
                "*26", "#26", "#26", "*21\(number)", "#21", "*67\(number)", "#67", "*61\(number)", "#61",
                "*62\(number)",
                "#62", "#002", "#002", "*43", "#43", "*28", "#28", "*21", "#37", "*99",
            ]
            return codes[office.draw(codes.count)]
        },
        dial("call privately, or with one's number hidden", 2) { office, desk in
            (office.isHit(50) ? "*32" : "*31") + office.anybody(but: desk).number
        },
        dial("pick up a call of one's group", 8) { _, _ in "*8" },
        dial("pick up a colleague's call", 4) { office, desk in "*8" + office.anybody(but: desk).number },
        dial("take up a parked call", 6) { office, _ in OfficeFurniture.orbits[office.draw(2)] },
        dial("ask to be called back", 3) { office, desk in "*37" + office.anybody(but: desk).number },
        dial("speak through somebody's telephone", 2) { office, desk in "*80" + office.anybody(but: desk).number },
        dial("announce something to everybody", 1) { _, _ in OfficeFurniture.paging },
        dial("sit down at another desk", 2) { office, desk in
            let pin = office.isHit(80) ? OfficeFurniture.pin : "0000"
            return "*11\(office.anybody(but: desk).number)*\(pin)"
        },
        dial("leave the other desk", 2) { _, _ in "#11" },
        dial("call by speed dial", 1) { _, _ in "*1" },
    ]

    // MARK: With a second line

    static let secondLine = [
        beside("park by code", 8) { _, _ in "*70" },
        beside("record by code", 4) { _, _ in "*38" },
        beside("transfer by code", 6) { office, desk in "*71" + office.anybody(but: desk).number },
        OfficeAction(name: "speak with all at once by code", weight: 20) { _, desk in
            desk.freeLine != nil && desk.lines.count(where: \.mayChange) >= 2
        } act: { _, desk in
            desk.freeLine?.call("*73")
        },
        OfficeAction(name: "transfer to an orbit, a queue or a mailbox", weight: 6) { _, desk in
            desk.steadyLine != nil
        } act: { office, desk in
            let numbers = OfficeFurniture.orbits + [OfficeFurniture.queue, OfficeFurniture.voicemail]
            desk.steadyLine?.command(.transfer(numbers[office.draw(numbers.count)], replaces: nil))
        },
    ]

    /// Dialled while another line has a call.
    private static func beside(
        _ name: String, _ weight: Int, _ number: @escaping @Sendable (Office, OfficeDesk) -> String
    ) -> OfficeAction {
        OfficeAction(name: name, weight: weight) { _, desk in
            desk.steadyLine != nil && desk.freeLine != nil
        } act: { office, desk in
            if let line = desk.steadyLine, !line.isHolding { line.command(.hold(true)) }
            desk.freeLine?.call(number(office, desk))
        }
    }

    // MARK: What the appliance answers itself

    static let applications = [
        dial("call the appliance's own numbers", 12) { office, _ in
            OfficeFurniture.keyed[office.draw(OfficeFurniture.keyed.count)]
        },
        dial("come to the queue, or leave it", 3) { office, _ in ["*51", "*52", "*53", "*54"][office.draw(4)] },
        OfficeAction(name: "press keys", weight: 60) { _, desk in
            desk.talkingLine.map { OfficeFurniture.keyed.contains($0.peer) } == true
        } act: { office, desk in
            guard let line = desk.talkingLine else { return }
            let number = office.anybody(but: desk).number
            let choices = [
                "1", "7", "8", "0", "3", "#", "*6", "*3", "\(number)#", "\(OfficeFurniture.pin)#", "1#", "*5", "9",
            ]
            press(choices[office.draw(choices.count)], on: line, office)
        },
        OfficeAction(name: "press a key at somebody", weight: 6) { _, desk in
            desk.talkingLine != nil
        } act: { office, desk in
            let keys = ["1", "1", "#", "*", "*70", "*38", "*26", "#26"]
            if let line = desk.talkingLine { press(keys[office.draw(keys.count)], on: line, office) }
        },
    ]

    private static func press(_ keys: String, on line: OfficeLine, _ office: Office) {
        let (boot, call) = (line.boot, line.callCount)
        for (index, key) in keys.enumerated() {
            guard let digit = Digit(key) else { continue }
            office.world.after(.milliseconds(200 * Int64(index + 1))) { [unowned office] in
                guard line.boot == boot, line.callCount == call, !line.isCut else { return }
                office.model.press(digit, at: line.rtpEndpoint)
            }
        }
    }
}
