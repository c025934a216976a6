/// The sine in integers: 1024 values of a turn and a straight line between each two, right to 110 dB.
enum SineTable {
    /// The values' scale: 1 is 2^20.
    static let scaleBits = 20

    /// One value more than a turn has, so that the last has a neighbour.
    static let values: [Int32] = (0...1_024).map {
        Int32((UnitCircle.point(turns: Double($0) / 1_024).sine * Double(1 << scaleBits)).rounded())
    }

    /// The phase that one sample at `rate` adds; a whole turn is 2^32.
    static func step(hertz: Double, rate: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: Int64((hertz / Double(rate) * 4_294_967_296).rounded()))
    }

    /// The sine at `phase` in units of 2^-20, from `values`.
    @inline(__always) static func sine(_ phase: UInt32, _ values: UnsafeBufferPointer<Int32>) -> Int {
        let index = Int(phase &>> 22)
        let fraction = Int((phase &>> 6) & 0xFFFF)
        let value = Int(values[index])
        return value &+ ((Int(values[index &+ 1]) &- value) &* fraction) &>> 16
    }
}
