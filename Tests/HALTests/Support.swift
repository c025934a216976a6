import FoundationEssentials
import Glibc
import HAL
import HALLinux
import HALSimulated
import OpenSSLCrypto
import Primitives

/// 2026-06-01T00:00:00Z.
let testTime = UnixTime(seconds: 1_780_272_000)

/// A directory that stands for the flash of one board, and goes away with the test.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        // In memory where that is possible: hundreds of synchronised writes to a disk take seconds.
        let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
        var template = Array("\(parent)/pbx-hal-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? ""
        precondition(!path.isEmpty, "no temporary directory")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var board: String { "\(path)/board" }

    /// A provisioned board in `board`, from the shared PKI.
    func provision(serial: String = "SN-0001", model: String = "Next") throws {
        try FactoryProvisioning.initialise(
            halDirectory: board, pkiDirectory: try SharedPKI.directory.get(), serial: serial, model: model,
            dnsNames: ["s\(serial.lowercased()).pbx.relay.example"], at: testTime)
    }
}

/// One PKI for all boards, made once and removed when the tests end.
enum SharedPKI {
    private static let parent = TemporaryDirectory()

    static let directory = Result {
        let path = "\(parent.path)/pki"
        _ = try DevelopmentPKI.create(directory: path, at: testTime)
        atexit { try? FileManager.default.removeItem(atPath: SharedPKI.parent.path) }
        return path
    }
}

/// The adapters that the conformance suite is run against.
enum Adapter: String, CaseIterable, Sendable {
    case process, simulated

    /// A provisioned board; `directory` must outlive it.
    func make(in directory: TemporaryDirectory) throws -> any HardwareAbstraction {
        switch self {
        case .process:
            try directory.provision()
            return try ProcessHAL.open(directory: directory.board)
        case .simulated:
            return try SimulatedHAL(serial: "SN-0001", model: "Next", seed: 1)
        }
    }
}

extension HALError {
    static func thrown(by body: () throws -> Void) -> HALError? {
        do {
            try body()
            return nil
        } catch { return error as? HALError }
    }
}
