package import SIPMessage
package import Settings

/// Reads and writes telephone numbers as they are dialled here: numbers of extensions, of the town, of the country and
/// of the world (ITU-T E.164, RFC 3966).
package struct NumberingPlan: Sendable, Hashable {
    package let settings: NumberingSettings
    package let emergencyNumbers: [String]

    package init(_ settings: NumberingSettings, emergencyNumbers: [String] = []) {
        self.settings = settings
        self.emergencyNumbers = emergencyNumbers
    }

    // MARK: Dialled on an extension

    /// What `text` means when it is dialled on an extension. Numbers for help come before everything else.
    ///
    /// - Parameter isInternal: an extension, group or feature has exactly this number.
    package func dialled(_ text: String, isInternal: Bool) -> DialledNumber {
        var digits = Self.withoutSeparators(text)
        if emergencyNumbers.contains(digits) { return .emergency(digits) }
        if isInternal { return .internal(text) }
        if digits.utf8.first != UInt8(ascii: "+"), let prefix = settings.outsidePrefix {
            guard digits.utf8.starts(with: prefix.utf8) else { return .invalid }
            digits.removeFirst(prefix.utf8.count)
            if emergencyNumbers.contains(digits) { return .emergency(digits) }
        }
        switch whole(digits) {
        case .e164(let number): return .external(number, asDialled: digits)
        case .other(let short) where isShort(short): return .short(short)
        case .other, .none: return .invalid
        }
    }

    // MARK: Received from a trunk

    /// The number that a URI of a request from a trunk names, in whatever form the trunk writes it.
    ///
    /// Reads `sip:` users with parameters of their own (`;npdi`, `;phone-context=+49`), `tel:` with `phone-context`
    /// (RFC 3966 section 5.1.5), and visual separators.
    package func received(_ uri: SIPURI, format: TrunkSettings.IncomingFormat) -> ReceivedNumber {
        guard uri.scheme == .tel || uri.scheme == .sip || uri.scheme == .sips, let user = uri.user else { return .none }
        let parts = user.split(separator: ";", omittingEmptySubsequences: false)
        var context = uri.scheme == .tel ? uri.parameters["phone-context"] : nil
        for part in parts.dropFirst() where part.lowercased().hasPrefix("phone-context=") {
            context = String(part.dropFirst("phone-context=".utf8.count))
        }
        return received(String(parts.first ?? ""), context: context, format: format)
    }

    /// The same for text: the user part alone, or the number of an identity header.
    package func received(
        _ text: String, context: String? = nil, format: TrunkSettings.IncomingFormat
    ) -> ReceivedNumber {
        let digits = Self.withoutSeparators(text)
        guard let first = digits.utf8.first else { return .none }
        if first == UInt8(ascii: "+") { return E164Number(digits).map { .e164($0) } ?? .none }
        guard digits.utf8.allSatisfy({ E164Number.isDigit($0) || $0 == 0x2A || $0 == 0x23 }) else { return .none }
        if let context, let scope = E164Number.digits(ofContext: context), let number = joined(digits, scope: scope) {
            return .e164(number)
        }
        switch format {
        case .automatic: return whole(digits)
        case .international:
            guard !isPrefixed(digits), let number = E164Number(digits: digits) else { return whole(digits) }
            return .e164(number)
        case .national:
            guard !isPrefixed(digits), !isShort(digits), let number = national(digits) else { return whole(digits) }
            return .e164(number)
        }
    }

    /// A local number in the scope of a global one: `+49` with `030…`, `+4930` with `1234`. In the scope of another
    /// country its usual national prefix is no part of the number.
    private func joined(_ digits: String, scope: String) -> E164Number? {
        if let code = settings.countryCode, scope.utf8.starts(with: code.utf8) {
            if isPrefixed(digits) { return if case .e164(let number) = whole(digits) { number } else { nil } }
            return E164Number(digits: scope + digits)
        }
        let foreign = rest(of: digits, after: NumberingSettings(countryCode: scope).nationalPrefix)
        return E164Number(digits: scope + (foreign ?? digits))
    }

    // MARK: Written

    /// As somebody within the country would dial it, without outside-line prefix.
    package func national(_ number: E164Number) -> String {
        guard let code = settings.countryCode, number.digits.utf8.starts(with: code.utf8) else {
            return settings.internationalPrefix + number.digits
        }
        return settings.nationalPrefix + number.digits.dropFirst(code.utf8.count)
    }

    /// As a telephone of the appliance shows it and can dial it again: with the outside-line prefix.
    package func shown(_ number: E164Number) -> String { (settings.outsidePrefix ?? "") + national(number) }

    /// Any number that came from outside, as a telephone can dial it again.
    package func shown(_ number: ReceivedNumber) -> String? {
        switch number {
        case .e164(let number): shown(number)
        case .other(let digits): (settings.outsidePrefix ?? "") + digits
        case .none: nil
        }
    }

    /// A number as an operator writes it: `+…`, or as somebody in our area would dial it.
    package func configured(_ text: String) -> E164Number? {
        if case .e164(let number) = whole(Self.withoutSeparators(text)) { number } else { nil }
    }

    // MARK: Digits

    /// What these digits mean in our area.
    private func whole(_ digits: String) -> ReceivedNumber {
        guard let first = digits.utf8.first else { return .none }
        if first == UInt8(ascii: "+") { return E164Number(digits).map { .e164($0) } ?? .none }
        guard digits.utf8.allSatisfy(E164Number.isDigit) else { return .other(digits) }
        if let rest = rest(of: digits, after: settings.internationalPrefix) {
            return E164Number(digits: rest).map { .e164($0) } ?? .other(digits)
        }
        if let rest = rest(of: digits, after: settings.nationalPrefix) {
            // No number of a town begins with the prefix that leads out of it.
            return isNational(rest) ? national(rest).map { .e164($0) } ?? .other(digits) : .other(digits)
        }
        if digits.utf8.count == settings.nationalDigits, let number = national(digits) { return .e164(number) }
        if isShort(digits) { return .other(digits) }
        if let area = settings.areaCode {
            return national(area + digits).map { .e164($0) } ?? .other(digits)
        }
        guard settings.nationalPrefix.isEmpty, settings.nationalDigits == nil, let number = national(digits) else {
            return .other(digits)
        }
        return .e164(number)
    }

    /// What follows a prefix; nil when there is no such prefix or the digits do not begin with it.
    private func rest(of digits: String, after prefix: String) -> String? {
        guard !prefix.isEmpty, digits.utf8.starts(with: prefix.utf8) else { return nil }
        return String(digits.dropFirst(prefix.utf8.count))
    }

    private func isNational(_ digits: String) -> Bool {
        settings.nationalDigits.map { $0 == digits.utf8.count } ?? true
    }

    private func national(_ digits: some StringProtocol) -> E164Number? {
        settings.countryCode.flatMap { E164Number(digits: $0 + digits) }
    }

    /// Begins with the international or the national prefix.
    private func isPrefixed(_ digits: String) -> Bool {
        rest(of: digits, after: settings.internationalPrefix) != nil
            || rest(of: digits, after: settings.nationalPrefix).map(isNational) ?? false
    }

    /// Service numbers: at most six digits, which begin with 1 where numbers of the own town can be that short; in
    /// North America `N11`.
    private func isShort(_ digits: String) -> Bool {
        let count = digits.utf8.count
        guard (2...6).contains(count), digits.utf8.first != UInt8(ascii: "0"),
            digits.utf8.allSatisfy(E164Number.isDigit)
        else { return false }
        if settings.countryCode == "1" { return count == 3 && digits.hasSuffix("11") }
        return settings.areaCode == nil || digits.utf8.first == UInt8(ascii: "1")
    }

    /// Without the visual separators of RFC 3966 section 5.1.1, and without the `(0)` that is written into
    /// international numbers for readers within the country.
    private static func withoutSeparators(_ text: String) -> String {
        var text = text
        if text.utf8.first == UInt8(ascii: "+"), let zero = text.firstRange(of: "(0)") { text.removeSubrange(zero) }
        guard text.utf8.contains(where: isSeparator) else { return text }
        return String(decoding: text.utf8.filter { !isSeparator($0) }, as: UTF8.self)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: " "): true
        case UInt8(ascii: "/"): true
        default: false
        }
    }
}

extension E164Number {
    /// The digits of a global `phone-context`; nil for a domain name.
    static func digits(ofContext context: String) -> String? {
        guard context.utf8.first == UInt8(ascii: "+") else { return nil }
        let digits = context.utf8.dropFirst().filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") }
        guard !digits.isEmpty, digits.count <= 15, digits.allSatisfy(isDigit) else { return nil }
        return String(decoding: digits, as: UTF8.self)
    }
}
