/// A value for each side of a session that may be missing; as long as both are, the pair takes no room.
///
/// Most calls are relayed: places for transcoders that nobody makes would be an eighth of what such a call costs.
struct SidePair<Value> {
    /// Empty while both are missing, else by `MediaSide.rawValue`.
    private var values: [Value?] = []

    var isEmpty: Bool { values.isEmpty }

    /// The value of the side with this number, changed where it stands.
    subscript(index: Int) -> Value? {
        get { values.isEmpty ? nil : values[index] }
        _modify {
            if values.isEmpty {
                var missing: Value?
                yield &missing
                guard missing != nil else { return }
                values = [nil, nil]
                values[index] = missing
            } else {
                yield &values[index]
            }
        }
    }

    /// Gives the room back once both are missing.
    mutating func settle() {
        if values.allSatisfy({ $0 == nil }) { values = [] }
    }
}
