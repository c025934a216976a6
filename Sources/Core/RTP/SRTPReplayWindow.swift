/// Which packet indices were seen: the highest and the 127 before it (RFC 3711 section 3.3.2, which asks for at least 64).
package struct SRTPReplayWindow: Hashable, Sendable {
    package static let size: UInt64 = 128

    private var highest: UInt64?
    /// Bit n of `recent`: `highest - n` was seen; of `older`: `highest - 64 - n`.
    private var recent: UInt64 = 0
    private var older: UInt64 = 0

    package init() {}

    /// False for an index that was seen, or is too old to know.
    package func admits(_ index: UInt64) -> Bool {
        guard let highest, index <= highest else { return true }
        let behind = highest - index
        guard behind < Self.size else { return false }
        return behind < 64 ? recent >> behind & 1 == 0 : older >> (behind - 64) & 1 == 0
    }

    /// Marks an index that `admits` let in, once its packet has proved authentic.
    package mutating func mark(_ index: UInt64) {
        guard let highest else {
            self.highest = index
            recent = 1
            return
        }
        if index > highest {
            advance(by: index - highest)
            self.highest = index
            recent |= 1
            return
        }
        let behind = highest - index
        if behind < 64 {
            recent |= 1 << behind
        } else if behind < Self.size {
            older |= 1 << (behind - 64)
        }
    }

    private mutating func advance(by step: UInt64) {
        switch step {
        case 0: break
        case 1..<64:
            older = older << step | recent >> (64 - step)
            recent <<= step
        case 64..<Self.size:
            older = recent << (step - 64)
            recent = 0
        default:
            older = 0
            recent = 0
        }
    }
}
