import Primitives

/// The `host` production (RFC 3261 section 25.1, with the correction of RFC 5954).
enum SIPHost {
    /// The host as text when it is one, else nil.
    ///
    /// The three colons that the uncorrected grammar allowed before an embedded IPv4 address (RFC 5118 section 4.10)
    /// are read as two and never written.
    static func checked(_ bytes: ByteView) -> String? {
        guard let first = bytes.first else { return nil }
        guard first == UInt8(ascii: "[") else {
            return bytes.allSatisfy(SIPCharacters.isHostName) ? bytes.text : nil
        }
        let text = bytes.text
        if IPAddress(text) != nil { return text }
        guard let corrected = withoutThirdColon(bytes), IPAddress(corrected) != nil else { return nil }
        return corrected
    }

    private static func withoutThirdColon(_ bytes: ByteView) -> String? {
        let colons = [UInt8](repeating: UInt8(ascii: ":"), count: 3)
        guard bytes.contains(UInt8(ascii: ".")) else { return nil }
        var index = bytes.startIndex
        while index + 3 <= bytes.endIndex {
            if bytes[index..<index + 3].elementsEqual(colons) {
                return bytes[bytes.startIndex..<index].text + bytes[(index + 1)..<bytes.endIndex].text
            }
            index += 1
        }
        return nil
    }

    /// Addresses compare by value, names without regard to case.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        if left == right { return true }
        if let leftAddress = IPAddress(left), let rightAddress = IPAddress(right) { return leftAddress == rightAddress }
        return ByteText.isEqual(left, right)
    }
}
