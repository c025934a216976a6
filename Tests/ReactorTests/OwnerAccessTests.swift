import HAL
import HALSimulated
import HTTPServer
import OpenSSLCrypto
import Primitives
import Reactor
import Testing

struct OwnerAccessTests {
    private let code = "ABCD-EFGH-JKMN"
    private let start = Instant.origin

    private func access(_ hal: SimulatedHAL, labelled: Bool = true) throws -> OwnerAccess {
        let label = try LabelCode(parsing: code).map { try PasswordVerifier(of: $0.canonical).text }
        return OwnerAccess(
            partition: hal.partition(.configuration), label: labelled ? label : nil, token: Secret("the token"))
    }

    private func status(_ body: () throws -> Void) -> Int? {
        do {
            try body()
            return nil
        } catch { return (error as? AdminProblem)?.status }
    }

    @Test func `whoever has the label becomes the owner, once`() throws {
        let hal = try SimulatedHAL(serial: "SN-1", model: "M", seed: 1)
        var access = try access(hal)
        let password = Secret("a long password")
        #expect(status { _ = try access.signIn(password: password, at: start) } == 409)
        #expect(status { try access.claim(code: code, password: Secret("short"), at: start) } == 422)
        #expect(status { try access.claim(code: "0000-0000-0000", password: password, at: start) } == 403)
        try access.claim(code: "abcd efgh jkmn", password: password, at: start)
        #expect(status { try access.claim(code: code, password: password, at: start) } == 409)
        #expect(try access.signIn(password: password, at: start) == Secret("the token"))
        #expect(status { _ = try access.signIn(password: Secret("another password"), at: start) } == 403)
        let kept = String(decoding: try hal.partition(.configuration).read(OwnerAccess.fileName), as: UTF8.self)
        #expect(!kept.contains("a long password") && kept.hasPrefix("scrypt:"))
    }

    @Test func `wrong attempts cost more and more time`() throws {
        let hal = try SimulatedHAL(serial: "SN-1", model: "M", seed: 1)
        var access = try access(hal)
        for _ in 0...OwnerAccess.freeAttempts {
            #expect(status { try access.claim(code: "no code", password: Secret("a long password"), at: start) } == 403)
        }
        let password = Secret("a long password")
        #expect(status { try access.claim(code: code, password: password, at: start + .seconds(9)) } == 429)
        try access.claim(code: code, password: password, at: start + .seconds(11))
    }

    @Test func `a board without a label cannot be claimed`() throws {
        var access = try access(try SimulatedHAL(serial: "SN-1", model: "M", seed: 1), labelled: false)
        #expect(status { try access.claim(code: code, password: Secret("a long password"), at: start) } == 404)
    }
}
