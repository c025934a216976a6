/// Tells from the fill of a socket's receive buffer when more comes in than is worked off.
///
/// Between the two marks nothing changes. The kernel gives a buffer's room back in quarters, so the upper mark is well
/// above one quarter; a buffer that has been emptied shows as empty.
struct ReceiveBacklog {
    /// Thousandths of the buffer at which overload begins.
    static let high = 500
    /// Thousandths at which it is over.
    static let low = 125

    private(set) var isOverloaded = false
    private var drops: UInt32 = 0

    /// Takes a measurement; how many datagrams the system dropped since the last. `drops` counts from the socket's
    /// first day and may wrap.
    mutating func note(thousandths: Int, drops: UInt32) -> UInt64 {
        if thousandths >= Self.high { isOverloaded = true }
        if thousandths <= Self.low { isOverloaded = false }
        defer { self.drops = drops }
        return UInt64(drops &- self.drops)
    }
}
