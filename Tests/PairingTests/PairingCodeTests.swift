import Pairing
import Primitives
import Testing

private let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

struct PairingCodeTests {
    private func code(seed: UInt64) -> PairingCode {
        var entropy = Entropy(SeededGenerator(seed: seed))
        return PairingCode(from: &entropy)
    }

    @Test func `a code reads back as it is shown`() throws {
        for seed in 0..<200 as Range<UInt64> {
            let code = code(seed: seed)
            #expect(code.formatted.utf8.count == 14)
            #expect(try PairingCode(parsing: code.formatted) == code)
        }
    }

    @Test func `case, dashes, spaces and look-alike letters do not matter`() throws {
        // Find codes that hold 0 and 1, so that O, I and L are tried.
        for seed in 0..<50 as Range<UInt64> {
            let code = code(seed: seed)
            let typed = code.formatted.lowercased().replacing("-", with: " ").replacing("0", with: "o")
            #expect(try PairingCode(parsing: typed.replacing("1", with: "l")) == code)
            #expect(try PairingCode(parsing: typed.replacing("1", with: "I")) == code)
            #expect(try PairingCode(parsing: code.formatted.replacing("-", with: "")) == code)
        }
    }

    @Test func `every single wrong symbol is found`() {
        for seed in 0..<20 as Range<UInt64> {
            let symbols = Array(code(seed: seed).formatted.replacing("-", with: ""))
            for position in symbols.indices {
                for symbol in alphabet where symbol != symbols[position] {
                    var wrong = symbols
                    wrong[position] = symbol
                    #expect(throws: PairingCodeError.checkSymbol) { try PairingCode(parsing: String(wrong)) }
                }
            }
        }
    }

    @Test func `every exchange of two symbols is found`() {
        for seed in 0..<50 as Range<UInt64> {
            let symbols = Array(code(seed: seed).formatted.replacing("-", with: ""))
            for first in symbols.indices {
                for second in symbols.indices where second > first && symbols[first] != symbols[second] {
                    var wrong = symbols
                    wrong.swapAt(first, second)
                    #expect(throws: PairingCodeError.checkSymbol) { try PairingCode(parsing: String(wrong)) }
                }
            }
        }
    }

    @Test func `what is no code at all is told apart from a slip`() {
        #expect(throws: PairingCodeError.length(symbols: 0)) { try PairingCode(parsing: "") }
        #expect(throws: PairingCodeError.length(symbols: 11)) { try PairingCode(parsing: "0000-0000-000") }
        #expect(throws: PairingCodeError.length(symbols: 13)) { try PairingCode(parsing: "0000-0000-00000") }
        #expect(throws: PairingCodeError.symbol(position: 3)) { try PairingCode(parsing: "00U0-0000-0000") }
        #expect(throws: PairingCodeError.symbol(position: 1)) { try PairingCode(parsing: "é000-0000-0000") }
        #expect(throws: PairingCodeError.self) { try PairingCode(parsing: String(repeating: "0", count: 1_000_000)) }
    }

    @Test func `the hash binds the code to its token and its appliance`() {
        let code = code(seed: 7)
        let input = PairingCode.hashInput(tokenID: "t1", serial: "s1", code: code)
        #expect(input != PairingCode.hashInput(tokenID: "t2", serial: "s1", code: code))
        #expect(input != PairingCode.hashInput(tokenID: "t1", serial: "s2", code: code))
        #expect(input != PairingCode.hashInput(tokenID: "t1s", serial: "1", code: code))
        #expect(input != PairingCode.hashInput(tokenID: "t1", serial: "s1", code: self.code(seed: 8)))
    }

    @Test func `a code does not print itself`() {
        #expect("\(code(seed: 1))" == "<pairing code>")
    }
}
