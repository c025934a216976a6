/// Option tags in their order (RFC 3261 section 19.2); compared without regard to case.
package struct OptionTags: Sendable, Hashable, CustomStringConvertible {
    /// As they were spelt, each once.
    package private(set) var list: [String] = []

    package init(_ tags: [String] = []) {
        for tag in tags { insert(tag) }
    }

    package var isEmpty: Bool { list.isEmpty }

    package func contains(_ tag: String) -> Bool { list.contains { ByteText.isEqual($0, tag) } }

    package mutating func insert(_ tag: String) {
        if !contains(tag) { list.append(tag) }
    }

    /// Those that `known` does not have: what a 420 names in Unsupported.
    package func subtracting(_ known: OptionTags) -> OptionTags {
        OptionTags(list.filter { !known.contains($0) })
    }

    /// A comma list, as in Supported, Require, Unsupported.
    package var description: String { list.map(SIPParameters.tokenOnly).joined(separator: ", ") }
}
