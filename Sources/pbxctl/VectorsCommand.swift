import ArgumentParser
import Glibc
import Vectors

struct VectorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vectors",
        abstract: "Answer public test vectors with the product's own code: one JSON object per line, in and out.",
        discussion: """
            Each line names its operation in "op"; bytes are hexadecimal. Operations: sip_parse, sip_digest, g711_decode, \
            g711_encode, g722_decode, g722_encode, opus_decode, opus_encode, srtp_kdf, srtp_protect, srtp_unprotect, \
            srtcp_unprotect, hmac, hkdf, aead_open, x25519, ecdsa_verify, eddsa_verify.
            """)

    func run() throws {
        var splitter = LineSplitter()
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for line in splitter.push(buffer[..<count]) { Self.answer(line) }
        }
        if let line = splitter.finish() { Self.answer(line) }
    }

    /// Written at once: whoever asks may wait for an answer before the next question.
    private static func answer(_ line: LineSplitter.Line) {
        let text =
            switch line {
            case .bytes(let bytes): VectorOperations.answer(bytes)
            case .tooLong: VectorOperations.answerToOverlongLine()
            }
        Terminal.write(text + "\n", to: STDOUT_FILENO)
    }
}
