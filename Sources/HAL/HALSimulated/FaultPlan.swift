/// What goes wrong on a simulated partition, and when. Operations (`replace` and `remove`) count from 1 over the life of
/// the partition, across power cuts.
package struct FaultPlan: Sendable, Hashable {
    /// How far a `replace` or `remove` has come when the power goes.
    package enum Stage: Sendable, Hashable, CaseIterable {
        /// Nothing done: old content.
        case beforeWrite
        /// Half of the temporary file is there: old content, the temporary file remains.
        case halfWritten
        /// Renamed, but the directory was not synchronised: the rename is lost, the temporary file remains.
        case renamed
        /// All done, but the caller never hears of it: new content.
        case synchronised
    }

    package struct PowerCut: Sendable, Hashable {
        package var operation: Int
        package var stage: Stage
        package init(operation: Int, stage: Stage) {
            self.operation = operation
            self.stage = stage
        }
    }

    /// These operations fail with `.writeFailed`; the old content stays.
    package var writeErrors: Set<Int> = []
    /// These `replace`s fail half-way: `.writeFailed`, old content, and the temporary file remains.
    package var tornWrites: Set<Int> = []
    package var powerCut: PowerCut?
    /// Bytes that all files together may have, unfinished ones included.
    package var capacityBytes: Int64 = 64 * 1024 * 1024

    package init() {}
}
