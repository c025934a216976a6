import SIPMessage

/// A key in the body of an INFO request, as telephones and gateways send it that do without telephone events.
struct DigitRelay: Sendable, Equatable {
    /// `application/dtmf-relay`: lines `Signal=` and `Duration=`; `application/dtmf`: the key alone.
    static let types = ["application/dtmf-relay", "application/dtmf"]

    /// 0-9, `*`, `#`, A-D, or `!` for a hook flash.
    var key: Character
    /// How long it was pressed.
    var milliseconds: Int

    /// 100 ms to 5 s; what lies outside is drawn in.
    static let durations = 100...5_000
    /// What is taken when the sender does not say.
    static let usualDuration = 160

    init(key: Character, milliseconds: Int = usualDuration) {
        self.key = key
        self.milliseconds = min(max(milliseconds, Self.durations.lowerBound), Self.durations.upperBound)
    }

    /// Reads a body of one of `types`, given in lower case; nil when it holds no key.
    init?(body: [UInt8], type: String) {
        let text = String(decoding: body.prefix(256), as: UTF8.self)
        if type == "application/dtmf" {
            guard let key = Self.key(text) else { return nil }
            self.init(key: key)
            return
        }
        var key: Character?
        var milliseconds = Self.usualDuration
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = parts[1].filter { $0 != " " && $0 != "\t" }
            switch parts[0].filter({ $0 != " " && $0 != "\t" }).lowercased() {
            case "signal": key = Self.key(value)
            case "duration": milliseconds = Int(value) ?? milliseconds
            default: break
            }
        }
        guard let key else { return nil }
        self.init(key: key, milliseconds: milliseconds)
    }

    /// As `application/dtmf-relay`.
    var body: [UInt8] { Array("Signal=\(key)\r\nDuration=\(milliseconds)\r\n".utf8) }

    private static let names: [String: Character] = [
        "10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D", "16": "!", "FLASH": "!",
    ]

    /// Event numbers 10 to 16 (RFC 4733 section 3.2) are also written as numbers.
    private static func key(_ text: some StringProtocol) -> Character? {
        let value = String(text.filter { !$0.isWhitespace }).uppercased()
        if let named = names[value] { return named }
        guard value.count == 1, let key = value.first, "0123456789*#ABCD!".contains(key) else { return nil }
        return key
    }
}
