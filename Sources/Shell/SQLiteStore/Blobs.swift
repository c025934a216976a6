import Foundation
import GRDB
import Primitives

extension [UInt8] {
    var blob: Data { Data(self) }
}

extension Secret {
    var blob: Data { withBytes { Data($0) } }
}

extension Row {
    /// The bytes of a BLOB column; empty when it is NULL.
    func bytes(_ column: String) -> [UInt8] { (self[column] as Data?).map { [UInt8]($0) } ?? [] }

    func time(_ column: String) -> UnixTime { UnixTime(milliseconds: self[column]) }

    /// SQLite integers are signed; counters never come near the sign bit, and a negative one reads as 0.
    func unsigned(_ column: String) -> UInt64 { UInt64(exactly: self[column] as Int64) ?? 0 }
}

/// An unsigned counter as SQLite stores it.
func stored(_ value: UInt64) -> Int64 { Int64(clamping: value) }
