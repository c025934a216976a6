import ArgumentParser
import Glibc

/// Why a command did not do what it was asked; ends the program with a status after sysexits(3).
struct CommandFailure: Error {
    enum Kind: Int32 {
        case general = 1
        case usage = 64
        /// Nothing answers on the socket.
        case unavailable = 69
        /// It may work later.
        case temporary = 75
        /// Wrong code or password, no permission, or not in the appliance's present state.
        case refused = 77
    }

    let kind: Kind
    let detail: String

    init(_ kind: Kind, _ detail: String) {
        self.kind = kind
        self.detail = detail
    }

    /// An error answer of the appliance.
    init(status: Int, detail: String) {
        switch status {
        case 401, 403, 409: kind = .refused
        case 429, 502, 503, 504: kind = .temporary
        default: kind = .general
        }
        self.detail = detail
    }
}

/// Runs a command's work; a failure goes to standard error as one line, and ends the program with its status.
func report<Result>(_ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let failure as CommandFailure {
        Terminal.error("pbxctl: \(failure.detail)")
        throw ExitCode(failure.kind.rawValue)
    } catch let error as ExitCode {
        throw error
    } catch {
        Terminal.error("pbxctl: \(error)")
        throw ExitCode(CommandFailure.Kind.general.rawValue)
    }
}
