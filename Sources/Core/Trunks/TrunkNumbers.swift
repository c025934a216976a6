import Numbering
import Settings

/// Which numbers of a trunk lead to which extensions, both ways.
struct TrunkNumbers: Sendable {
    private let singles: [E164Number: String]
    /// Numbers that are not in E.164, as they come.
    private let others: [String: String]
    private let block: DirectDialBlock?
    private let fallback: String?
    /// Extensions of users, groups and features.
    private let extensions: Set<String>
    /// The first number of each extension.
    private let owned: [String: E164Number]
    private let main: E164Number?

    init(_ settings: TrunkSettings, plan: NumberingPlan, extensions: Set<String>) {
        var singles: [E164Number: String] = [:]
        var others: [String: String] = [:]
        var owned: [String: E164Number] = [:]
        for entry in settings.numbers {
            if let number = plan.configured(entry.number) {
                singles[number] = entry.destination
                if owned[entry.destination] == nil { owned[entry.destination] = number }
            } else {
                others[entry.number] = entry.destination
            }
        }
        self.singles = singles
        self.others = others
        self.owned = owned
        self.extensions = extensions
        block = settings.block
        fallback = settings.defaultDestination
        main = settings.callerNumber.flatMap { plan.configured($0) }
    }

    /// Where a call to that number leads; nil: nowhere.
    func destination(of number: ReceivedNumber) -> String? { ownDestination(of: number) ?? fallback }

    /// Without the default: nil when the number is none of the trunk's.
    func ownDestination(of number: ReceivedNumber) -> String? {
        switch number {
        case .e164(let number):
            if let destination = singles[number] { return destination }
            guard let candidate = block?.extension(ofDigits: number.digits), extensions.contains(candidate) else {
                return nil
            }
            return candidate
        case .other(let digits): return others[digits]
        case .none: return nil
        }
    }

    /// True when the trunk has the number, so that it may be shown as ours.
    func contains(_ number: E164Number) -> Bool {
        number == main || singles[number] != nil || block?.extension(ofDigits: number.digits) != nil
    }

    /// The number by which the trunk knows an extension; the trunk's own for those without; nil when it has none.
    func number(of extensionNumber: String) -> E164Number? {
        owned[extensionNumber] ?? block?.number(of: extensionNumber).flatMap { E164Number($0) } ?? main
    }
}
