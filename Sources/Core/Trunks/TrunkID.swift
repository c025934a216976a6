/// Names a trunk for as long as the process runs; a trunk that is set up anew gets another one.
package struct TrunkID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
