package import HAL
package import HTTPServer
import OpenSSLCrypto
package import Primitives

/// Who owns the board: there is no password until somebody who has read the code on its type plate sets one, once; whoever
/// knows the password gets the administration's token.
///
/// Wrong codes and passwords cost time, more with each: the delay counts over all clients, so that many addresses gain
/// nothing. Everything here may block; never on the control loop.
package struct OwnerAccess: Sendable {
    package static let fileName = "owner-password"
    package static let minimumPasswordBytes = 10
    package static let maximumPasswordBytes = 256
    /// Wrong answers that cost nothing yet.
    package static let freeAttempts = 4
    package static let firstDelay = Duration.seconds(10)
    package static let longestDelay = Duration.seconds(3_600)

    private let partition: any PartitionDevice
    private let label: PasswordVerifier?
    private let token: Secret
    private var failures = 0
    private var blockedUntil: Instant?

    /// `label` is the line that the factory wrote; nil for a board without one, which cannot be claimed.
    package init(partition: any PartitionDevice, label: String?, token: Secret) {
        self.partition = partition
        self.label = label.flatMap(PasswordVerifier.init(text:))
        self.token = token
    }

    /// Sets the first password.
    package mutating func claim(code: String, password: Secret, at now: Instant) throws(AdminProblem) {
        try checkDelay(now)
        guard let label else { throw AdminProblem(status: 404, detail: "this board has no label code") }
        guard try owner() == nil else {
            throw AdminProblem(
                status: 409,
                detail: "the board has an owner; sign in, or reset it to its factory state to claim it anew")
        }
        guard (Self.minimumPasswordBytes...Self.maximumPasswordBytes).contains(password.count) else {
            let range = "\(Self.minimumPasswordBytes) to \(Self.maximumPasswordBytes)"
            throw AdminProblem(status: 422, detail: "a password has \(range) bytes")
        }
        guard let code = LabelCode(parsing: code), try isRight(code.canonical, label) else {
            fail(now)
            throw AdminProblem(status: 403, detail: "the code is not the one on the board's label; read it again")
        }
        do {
            let verifier = try PasswordVerifier(of: password)
            try partition.replace(Self.fileName, with: Array("\(verifier.text)\n".utf8))
        } catch { throw AdminProblem(status: 500, detail: "the password was not stored: \(error)") }
        failures = 0
    }

    /// The token for whoever knows the password.
    package mutating func signIn(password: Secret, at now: Instant) throws(AdminProblem) -> Secret {
        try checkDelay(now)
        guard let owner = try owner() else {
            throw AdminProblem(status: 409, detail: "the board has no owner yet; claim it with the code on its label")
        }
        guard password.count <= Self.maximumPasswordBytes, try isRight(password, owner) else {
            fail(now)
            throw AdminProblem(status: 403, detail: "the password is wrong")
        }
        failures = 0
        return token
    }

    private func owner() throws(AdminProblem) -> PasswordVerifier? {
        do throws(HALError) {
            let text = String(decoding: try partition.read(Self.fileName), as: UTF8.self)
            guard let verifier = PasswordVerifier(text: text) else {
                throw HALError.damaged(path: Self.fileName, reason: "no password hash")
            }
            return verifier
        } catch {
            if case .notFound = error { return nil }
            throw AdminProblem(status: 500, detail: "\(error)")
        }
    }

    private func isRight(_ given: Secret, _ verifier: PasswordVerifier) throws(AdminProblem) -> Bool {
        do { return try verifier.matches(given) } catch { throw AdminProblem(status: 500, detail: "\(error)") }
    }

    private func checkDelay(_ now: Instant) throws(AdminProblem) {
        guard let blockedUntil, now < blockedUntil else { return }
        let seconds = (blockedUntil - now).components.seconds + 1
        throw AdminProblem(status: 429, detail: "too many wrong attempts; try again in \(seconds) s")
    }

    private mutating func fail(_ now: Instant) {
        failures += 1
        guard failures > Self.freeAttempts else { return }
        let delay = Self.firstDelay * (1 << min(failures - Self.freeAttempts - 1, 10))
        blockedUntil = now + min(delay, Self.longestDelay)
    }
}
