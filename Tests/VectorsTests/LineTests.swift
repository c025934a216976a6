import Primitives
import Testing
import Vectors

struct LineTests {
    @Test(arguments: [
        "", " ", "{", "[]", "42", #""op""#, "{}", #"{"op":1}"#, #"{"op":"hmac"}"#,
        #"{"op":"hmac","hash":"SHA-1","key":"0","msg":""}"#, #"{"op":"hmac","hash":"SHA-1","key":"zz","msg":""}"#,
        #"{"op":"hmac","hash":"SHA-1","key":1,"msg":""}"#, #"{"op":"g711_decode","law":"x","codes":""}"#,
        #"{"op":"g711_encode","law":"a","pcm":"00"}"#, #"{"op":"opus_decode","packets":"00"}"#,
        #"{"op":"opus_decode","packets":[1]}"#, #"{"op":"hkdf","hash":"SHA-1","ikm":"","size":"1"}"#,
        #"{"op":"sip_parse","message":null}"#,
    ])
    func `a line that cannot be read is answered with what is wrong`(line: String) {
        let answer = Answer(VectorOperations.answer(line))
        #expect(answer.isMalformed, "\(answer.line)")
    }

    @Test(arguments: ["g729_decode", "srtp_nonsense", "stun_parse", "nonsense", ""])
    func `an operation that the product lacks is unsupported`(operation: String) {
        #expect(VectorOperations.answer(#"{"op":"\#(operation)"}"#) == #"{"unsupported":true}"#)
    }

    @Test(arguments: [
        #"{"op":"hmac","hash":"SHA3-256","key":"","msg":""}"#,
        #"{"op":"aead_open","alg":"AES-CCM","key":"","iv":"","ct":"","tag":""}"#,
    ])
    func `so is an algorithm that it lacks`(line: String) {
        #expect(VectorOperations.answer(line) == #"{"unsupported":true}"#)
    }

    @Test func `a tag of another length is refused`() {
        let line = #"{"op":"aead_open","alg":"aes-128-gcm","key":"\#(String(repeating: "00", count: 16))","#
        #expect(
            VectorOperations.answer(line + #""iv":"000000000000000000000000","ct":"00","tag":"00"}"#)
                == #"{"ok":false}"#)
    }

    @Test func `a line up to the limit is answered, a longer one is not`() {
        var limits = VectorLimits()
        let line = #"{"op":"nonsense"}"#
        limits.lineBytes = line.utf8.count
        #expect(Answer(VectorOperations.answer(line, limits: limits)).isUnsupported)
        #expect(Answer(VectorOperations.answer(line + " ", limits: limits)).isMalformed)
        #expect(Answer(VectorOperations.answerToOverlongLine(limits: limits)).isMalformed)
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func `lines come out whole however the bytes arrive`(chunk: Int) {
        var splitter = LineSplitter(limitBytes: 5)
        let input = Array("one\r\n\ntoolong\n12345\r\n123456\r\nlast".utf8)
        var lines: [LineSplitter.Line] = []
        for start in stride(from: 0, to: input.count, by: chunk) {
            lines += splitter.push(input[start..<min(start + chunk, input.count)])
        }
        if let line = splitter.finish() { lines.append(line) }
        let wanted: [LineSplitter.Line] = [
            .bytes(Array("one".utf8)), .bytes([]), .tooLong, .bytes(Array("12345".utf8)), .tooLong,
            .bytes(Array("last".utf8)),
        ]
        #expect(lines == wanted)
        #expect(splitter.finish() == nil)
    }

    @Test func `altered lines never trap`() throws {
        var generator = SeededGenerator(seed: 4)
        let originals = [
            #"{"op":"sip_parse","message":"4f5054494f4e53207369703a61205349502f322e300d0a0d0a"}"#,
            #"{"op":"opus_decode","channels":2,"frame":960,"packets":["f8fffe","","08"]}"#,
            #"{"op":"opus_encode","channels":1,"frame":120,"bitrate":6000,"pcm":"\#(String(repeating: "1234", count: 120))"}"#,
            #"{"op":"hkdf","hash":"SHA-256","ikm":"00","salt":"","info":"","size":42}"#,
            #"{"op":"ecdsa_verify","hash":"SHA-256","public_der":"3059","msg":"","sig":"3006020101020101"}"#,
            #"{"op":"sip_digest","username":"a","realm":"b","password":"c","nonce":"d","nc":-1,"method":"e","uri":"f"}"#,
        ]
        for round in 0..<1_200 {
            var line = Array(originals[round % originals.count].utf8)
            for _ in 0..<(1 + round % 3) {
                line[Int(generator.next() % UInt64(line.count))] = UInt8(truncatingIfNeeded: generator.next() % 128)
            }
            let answer = JSONValue.parse(Array(VectorOperations.answer(line).utf8))
            #expect(answer?.object != nil)
        }
    }
}
