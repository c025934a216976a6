import CloudMessages
import Primitives
import Testing

@Suite struct CallDataNumberingTests {
    static let noon = UnixTime(seconds: 1_767_268_800)
    var entropy = Entropy(SeededGenerator(seed: 1))

    @Test mutating func `numbers ascend, and carry their time`() {
        var numbering = CallDataNumbering(after: 0)
        var last: UInt64 = 0
        for second in 0..<100 {
            let number = numbering.next(at: Self.noon + .seconds(second), entropy: &entropy)
            #expect(number > last)
            #expect(Int64(number >> 21) == (Self.noon + .seconds(second)).milliseconds)
            last = number
        }
    }

    @Test mutating func `a thousand calls of one millisecond have numbers of their own, in order`() {
        var numbering = CallDataNumbering(after: 0)
        let numbers = (0..<1_000).map { _ in numbering.next(at: Self.noon, entropy: &entropy) }
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test mutating func `a wall clock that goes back, or is nowhere, changes nothing of that`() {
        var numbering = CallDataNumbering(after: 41)
        var last: UInt64 = 41
        for seconds in [1_767_268_800, 0, -5, 1_767_268_700, 4_000_000_000_000, 1_767_268_900] as [Int64] {
            let number = numbering.next(at: UnixTime(seconds: seconds), entropy: &entropy)
            #expect(number > last)
            #expect(Int64(exactly: number) != nil, "the database keeps 63 bits")
            last = number
        }
    }

    @Test mutating func `after a history was lost its numbers are not given again`() {
        var first = CallDataNumbering(after: 0)
        let lost = Set((0..<50).map { first.next(at: Self.noon + .seconds($0), entropy: &entropy) })
        var second = CallDataNumbering(after: 0)
        for second_ in 60..<110 {
            let number = second.next(at: Self.noon + .seconds(second_), entropy: &entropy)
            #expect(!lost.contains(number))
        }
    }
}

@Suite struct CallRecordExportTests {
    static func record(_ number: String, name: String = "Zoe") -> CallRecord {
        var record = CallRecord(callDataID: 7, startDate: UnixTime(seconds: 1_767_268_800), lengthSeconds: 61)
        record.externalPhoneNumber = number
        record.externalName = name
        record.userNumber = "100"
        record.userName = "Ada"
        record.direction = .outgoing
        record.success = true
        return record
    }

    @Test(arguments: [
        ("+493012345678", 3, "+493012345xxx"), ("030 123-45", 2, "030 123-xx"), ("12", 3, "xx"), ("", 3, ""),
        ("+4930", 0, "+4930"), ("zoe@example.org", 3, ""), ("anonymous", 3, ""), ("alice7", 2, ""),
    ])
    func `the last digits of the outside party are hidden`(number: String, hidden: Int, shown: String) {
        let record = Self.record(number).anonymised(hiding: hidden)
        #expect(record.externalPhoneNumber == shown)
        #expect(record.externalName == (hidden == 0 ? "Zoe" : ""))
        #expect(record.userNumber == "100" && record.userName == "Ada")
    }

    @Test func `a table has the fields of call data in their order`() {
        #expect(CallRecordTable.columns.count == 17)
        #expect(CallRecordTable.header.hasPrefix("CallDataId,startDate,length,externalName,"))
        #expect(CallRecordTable.header.hasSuffix("callType,success\r\n"))
        #expect(
            CallRecordTable.line(of: Self.record("+4930555"))
                == "7,2026-01-01T12:00:00.000Z,61,Zoe,+4930555,,100,Ada,,,,,0.0,0.0,outgoing,voice,true\r\n")
    }

    @Test(arguments: [
        ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"),
        ("-1", "-1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("two\r\nlines", "two lines"), ("", ""),
    ])
    func `a name cannot break the table, nor be calculated`(name: String, cell: String) {
        let line = CallRecordTable.line(of: Self.record("1", name: name))
        #expect(line.hasPrefix("7,2026-01-01T12:00:00.000Z,61,\(cell),1,"))
        #expect(line.utf8.count { $0 == 0x0A } == 1)
    }
}
