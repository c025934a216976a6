import Primitives
import Testing
import Vectors

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Asks one operation and reads the answer.
func ask(_ operation: String, _ fields: [String: JSONValue], limits: VectorLimits = VectorLimits()) -> Answer {
    var request = fields
    request["op"] = .text(operation)
    return Answer(VectorOperations.answer(JSONValue.object(request).line, limits: limits))
}

struct Answer {
    let line: String
    private let fields: [String: JSONValue]

    init(_ line: String) {
        self.line = line
        fields = JSONValue.parse(Array(line.utf8))?.object ?? [:]
    }

    var isOK: Bool { fields["ok"] == .bool(true) }
    /// Exactly `{"ok":false}`.
    var isRefused: Bool { fields == ["ok": .bool(false)] }
    /// Exactly `{"unsupported":true}`.
    var isUnsupported: Bool { fields == ["unsupported": .bool(true)] }
    /// Not to be read as a request.
    var isMalformed: Bool { fields["ok"] == .bool(false) && fields["error"]?.text != nil && fields.count == 2 }
    subscript(_ name: String) -> JSONValue? { fields[name] }
    func bytes(_ name: String) -> [UInt8]? { fields[name]?.text.flatMap { Hex.decode($0) } }
}

/// The bytes of a file of public vectors, which other tests keep; path below the folder of all tests.
func vectorFile(_ path: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: tests.appending(path: path)))
}

/// 16-bit little-endian samples.
func samples(_ bytes: [UInt8]) -> [Int16] {
    stride(from: 0, to: bytes.count / 2 * 2, by: 2).map { index in
        Int16(bitPattern: UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
    }
}

func hex(_ samples: [Int16]) -> JSONValue {
    .text(Hex.encode(samples.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }))
}
