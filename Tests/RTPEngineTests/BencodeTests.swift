import RTPEngine
import Testing

@Suite struct BencodeTests {
    @Test(arguments: [
        ("i0e", Bencode.integer(0)), ("i-42e", .integer(-42)), ("i9223372036854775807e", .integer(.max)),
        ("i-9223372036854775808e", .integer(.min)), ("0:", .string([])), ("4:pong", .text("pong")),
        ("le", .list([])), ("li1e1:ae", .list([.integer(1), .text("a")])), ("de", .dictionary([])),
        ("d6:result4:ponge", .dictionary([.init("result", .text("pong"))])),
        (
            "d1:ad1:bl2:ccee1:zi7ee",
            .dictionary([.init("a", .dictionary([.init("b", .texts(["cc"]))])), .init("z", .integer(7))])
        ),
    ])
    func `a value is read, and written as it was`(text: String, value: Bencode) throws {
        #expect(try BencodeReader.read(Array(text.utf8)) == value)
        #expect(value.bytes == Array(text.utf8))
    }

    @Test(arguments: [
        ("", BencodeError.truncated), ("i", .truncated), ("i1", .truncated), ("5:abc", .truncated), ("l", .truncated),
        ("d1:a", .truncated), ("3", .truncated), ("x", .unexpectedByte(0x78, at: 0)),
        ("e", .unexpectedByte(0x65, at: 0)),
        ("di1e1:ae", .unexpectedByte(0x69, at: 1)), ("ie", .badNumber(at: 1)), ("i-e", .badNumber(at: 1)),
        ("i-0e", .badNumber(at: 1)), ("i01e", .badNumber(at: 1)), ("i1.5e", .badNumber(at: 1)),
        ("i+1e", .badNumber(at: 1)), ("i9223372036854775808e", .badNumber(at: 1)),
        ("i-9223372036854775809e", .badNumber(at: 1)), ("99999999999999999999:a", .badNumber(at: 0)),
        ("9223372036854775807:a", .truncated), ("01:a", .badNumber(at: 0)), ("-1:a", .unexpectedByte(0x2D, at: 0)),
        ("i1ei2e", .trailingBytes(3)),
    ])
    func `what is no value is refused`(text: String, error: BencodeError) {
        #expect(throws: error) { try BencodeReader.read(Array(text.utf8)) }
        #expect(!"\(error)".isEmpty)
    }

    @Test func `depth and number of values are limited`() throws {
        let depth = BencodeReader.depth
        let deep = String(repeating: "l", count: depth) + String(repeating: "e", count: depth)
        #expect(throws: Never.self) { try BencodeReader.read(Array(deep.utf8)) }
        #expect(throws: BencodeError.tooDeep) { try BencodeReader.read(Array("l\(deep)e".utf8)) }
        let many = "l" + String(repeating: "0:", count: BencodeReader.values - 1) + "e"
        #expect(throws: Never.self) { try BencodeReader.read(Array(many.utf8)) }
        let more = "l" + String(repeating: "0:", count: BencodeReader.values) + "e"
        #expect(throws: BencodeError.tooManyValues) { try BencodeReader.read(Array(more.utf8)) }
        let keys = "d" + String(repeating: "0:0:", count: BencodeReader.values) + "e"
        #expect(throws: BencodeError.tooManyValues) { try BencodeReader.read(Array(keys.utf8)) }
    }

    @Test func `a truncated or altered answer never traps`() {
        let answer = Array(
            "d3:SSRCde4:tagsd1:ad6:mediasld7:streamsld5:statsd5:bytesi-5e7:packetsi99eeeeeeee6:result2:oke".utf8)
        for count in 0..<answer.count { _ = try? BencodeReader.read(Array(answer.prefix(count))) }
        for index in answer.indices {
            for byte in [UInt8(0), 0x2D, 0x30, 0x39, 0x3A, 0x64, 0x65, 0x69, 0x6C, 0xFF] {
                var altered = answer
                altered[index] = byte
                if let value = try? BencodeReader.read(altered) {
                    _ = RelayFigures(value)
                    _ = RelayAnswer(value)
                }
            }
        }
    }

    @Test func `dictionaries are written in the order of their keys`() {
        let value = Bencode.dictionary([.init("sdp", .text("x")), .init("call-id", .text("y"))])
        #expect(value.bytes == Array("d7:call-id1:y3:sdp1:xe".utf8))
        #expect(value["sdp"]?.text == "x" && value["other"] == nil && value[0] == nil && value.count == nil)
    }
}
