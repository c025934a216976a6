/// What can be switched or done by dialling; the digits of each are the administrator's to choose.
package enum FeatureCode: String, Sendable, Hashable, CaseIterable {
    case doNotDisturbOn = "dnd_on"
    case doNotDisturbOff = "dnd_off"
    case forwardAlwaysOn = "forward_always_on"
    case forwardAlwaysOff = "forward_always_off"
    case forwardBusyOn = "forward_busy_on"
    case forwardBusyOff = "forward_busy_off"
    case forwardNoAnswerOn = "forward_no_answer_on"
    case forwardNoAnswerOff = "forward_no_answer_off"
    case forwardUnregisteredOn = "forward_unregistered_on"
    case forwardUnregisteredOff = "forward_unregistered_off"
    case forwardingOff = "forwarding_off"
    case callWaitingOn = "call_waiting_on"
    case callWaitingOff = "call_waiting_off"
    /// For the one call whose number follows.
    case hideNumber = "hide_number"
    case showNumber = "show_number"
    /// The record of the one call whose number follows keeps no number.
    case privateCall = "private_call"
    /// With an extension: its ringing call; without: one of the caller's pickup groups.
    case pickup
    /// Leaves the call on hold in an orbit, the one that follows or the first free one.
    case park
    /// The call on hold goes to the number that follows.
    case transfer
    /// The calls on hold and the caller speak together.
    case conference
    /// Calls back when the extension that follows can be reached.
    case callbackOn = "callback_on"
    case callbackOff = "callback_off"
    /// The telephones of the extension that follows take the call by themselves.
    case intercom
    /// `extension*pin` follows: this telephone is that user's until the log-out.
    case deskLogin = "desk_login"
    case deskLogout = "desk_logout"
    case nightOn = "night_on"
    case nightOff = "night_off"
    /// The digit that follows opens the door station with which the caller speaks.
    case openDoor = "open_door"
    /// Begins to record the call, or ends that.
    case record

    /// The digits unless the administrator says otherwise; those of ETSI and GSM where there are some.
    package var standard: String {
        switch self {
        case .doNotDisturbOn: "*26"
        case .doNotDisturbOff: "#26"
        case .forwardAlwaysOn: "*21"
        case .forwardAlwaysOff: "#21"
        case .forwardBusyOn: "*67"
        case .forwardBusyOff: "#67"
        case .forwardNoAnswerOn: "*61"
        case .forwardNoAnswerOff: "#61"
        case .forwardUnregisteredOn: "*62"
        case .forwardUnregisteredOff: "#62"
        case .forwardingOff: "#002"
        case .callWaitingOn: "*43"
        case .callWaitingOff: "#43"
        case .hideNumber: "*31"
        case .showNumber: "#31"
        case .privateCall: "*32"
        case .pickup: "*8"
        case .park: "*70"
        case .transfer: "*71"
        case .conference: "*73"
        case .callbackOn: "*37"
        case .callbackOff: "#37"
        case .intercom: "*80"
        case .deskLogin: "*11"
        case .deskLogout: "#11"
        case .nightOn: "*28"
        case .nightOff: "#28"
        case .openDoor: "*39"
        case .record: "*38"
        }
    }
}

/// The digits of every feature code.
package struct FeatureCodes: Sendable, Hashable {
    /// Codes with other digits than the standard; empty digits: the code is switched off.
    package var changed: [FeatureCode: String] = [:]

    package init() {}

    package func digits(of code: FeatureCode) -> String { changed[code] ?? code.standard }

    /// The code with which `number` begins, the longest if several fit, and what follows it without the `*` between.
    package func match(_ number: String) -> (code: FeatureCode, argument: String)? {
        guard let first = number.utf8.first, first == UInt8(ascii: "*") || first == UInt8(ascii: "#") else {
            return nil
        }
        var best: (code: FeatureCode, length: Int)?
        for code in FeatureCode.allCases {
            let digits = digits(of: code)
            guard !digits.isEmpty, digits.utf8.count > best?.length ?? 0, number.utf8.starts(with: digits.utf8) else {
                continue
            }
            best = (code, digits.utf8.count)
        }
        guard let best else { return nil }
        var argument = number.dropFirst(best.length)
        if argument.first == "*" { argument.removeFirst() }
        return (best.code, String(argument))
    }

    /// False for digits that do not begin with `*` or `#`, or are those of another code.
    package mutating func set(_ code: FeatureCode, _ digits: String) -> Bool {
        guard !digits.isEmpty else {
            changed[code] = digits
            return true
        }
        let rest = digits.utf8.dropFirst()
        guard digits.utf8.first == UInt8(ascii: "*") || digits.utf8.first == UInt8(ascii: "#"),
            (1...8).contains(rest.count), UserFeatures.isNumber(digits),
            !FeatureCode.allCases.contains(where: { $0 != code && self.digits(of: $0) == digits })
        else { return false }
        changed[code] = digits
        return true
    }
}
