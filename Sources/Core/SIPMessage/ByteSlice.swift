extension ArraySlice<UInt8> {
    /// Without space and tab at both ends.
    func trimmingSpaces() -> ArraySlice<UInt8> {
        var slice = self
        while let first = slice.first, SIPCharacters.isSpace(first) { slice.removeFirst() }
        while let last = slice.last, SIPCharacters.isSpace(last) { slice.removeLast() }
        return slice
    }

    /// True when the slice is `text` but for the case of ASCII letters; `text` is lower case.
    func equalsIgnoringCase(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { lower in
            zip(self, lower).allSatisfy { pair in
                pair.0 == pair.1 || (SIPCharacters.isAlpha(pair.0) && pair.0 | 0x20 == pair.1)
            }
        }
    }
}
