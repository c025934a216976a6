package import Primitives
package import Telemetry

/// The device classes of an appliance, picked once, in `main`. Adapters: `HALLinux` (board, process), `HALSimulated`.
///
/// All calls may block and are made off the control loop, except while the appliance starts (nothing is served yet) and
/// for `clock`, which never blocks.
package protocol HardwareAbstraction: Sendable {
    var identity: any IdentityDevice { get }
    var clock: any ClockDevice { get }
    var entropy: any EntropyDevice { get }
    /// The mutable partitions; the factory partition is read through `identity` only.
    func partition(_ kind: PartitionKind) -> any PartitionDevice
    var monitor: any SystemMonitor { get }
    var watchdog: any WatchdogDevice { get }
    var indicator: any IndicatorDevice { get }
}

package enum PartitionKind: String, Sendable, Hashable, CaseIterable { case configuration, data }

/// Serial number, model and the device key (IEEE 802.1AR). The private key never leaves: callers get `sign`, not the key.
package protocol IdentityDevice: Sendable {
    var serial: String { get }
    var model: String { get }
    /// PEM, leaf first, then the issuing CA.
    var certificateChainPEM: String { get }
    /// PEM of the vendor root that all cloud servers chain to; pinned.
    var vendorRootPEM: String { get }
    /// ECDSA P-256 over a SHA-256 digest of 32 bytes; returns a DER-encoded ECDSA-Sig-Value.
    func sign(sha256Digest: [UInt8]) throws(HALError) -> [UInt8]
    /// The hash of the code on the type plate as the factory wrote it (`PasswordVerifier`); nil: there is none.
    var labelCodeHash: String? { get }
}

extension IdentityDevice {
    package var labelCodeHash: String? { nil }
}

package protocol ClockDevice: Sendable {
    /// Monotonic since boot.
    func now() -> Instant
    /// What the real-time clock says; may be wrong.
    func wallTime() -> UnixTime
}

package protocol EntropyDevice: Sendable {
    func makeEntropy() -> Entropy
}

/// Named files in a partition. Names are flat: letters, digits, `.`, `-`, `_`; at most 100 bytes.
package protocol PartitionDevice: Sendable {
    /// Where the partition is mounted, for SQLite; nil where there is no real directory (simulated).
    var directory: String? { get }
    func read(_ name: String) throws(HALError) -> [UInt8]
    /// All or nothing: after a power cut the file has its old or its new content.
    func replace(_ name: String, with bytes: [UInt8]) throws(HALError)
    func remove(_ name: String) throws(HALError)
    func list() throws(HALError) -> [String]
    func freeBytes() throws(HALError) -> Int64
}

package protocol SystemMonitor: Sendable {
    func sample() throws(HALError) -> SystemSample
}

package protocol WatchdogDevice: Sendable {
    /// Must be called again within `period`, or the board restarts.
    func kick()
    var period: Duration { get }
}

package enum IndicatorState: String, Sendable, Hashable, CaseIterable {
    case starting, ready, active, attention, failed
}

package protocol IndicatorDevice: Sendable {
    func show(_ state: IndicatorState)
}

/// Texts say what happened, to what, and how to mend it.
package enum HALError: Error, Sendable, Hashable {
    /// The factory partition is missing or incomplete.
    case notProvisioned(path: String, missing: String)
    /// A file can be read or written by others.
    case permissions(path: String, found: String, expected: String)
    case damaged(path: String, reason: String)
    case notFound(name: String)
    case invalidName(String)
    case diskFull
    case writeFailed(path: String, reason: String)
    case readFailed(path: String, reason: String)
    case signingFailed(String)
    /// The simulated board has lost power; every further call fails.
    case poweredOff
}

extension HALError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notProvisioned(let path, let missing):
            "factory partition \(path) lacks \(missing); run 'pbxctl factory init --hal DIR --serial S --model M'"
        case .permissions(let path, let found, let expected):
            "\(path) has permissions \(found), expected \(expected) or tighter; run 'chmod \(expected) \(path)'"
        case .damaged(let path, let reason):
            "\(path) is damaged (\(reason)); restore it, or provision the board again with 'pbxctl factory init --force'"
        case .notFound(let name): "no file named \(name)"
        case .invalidName(let name): "'\(name)' is not a file name: letters, digits, '.', '-', '_', at most 100 bytes"
        case .diskFull: "no space left on the partition; free some or enlarge it"
        case .writeFailed(let path, let reason):
            "cannot write \(path): \(reason); check that its directory exists and belongs to the service's user"
        case .readFailed(let path, let reason):
            "cannot read \(path): \(reason); check that it exists and belongs to the service's user"
        case .signingFailed(let reason):
            "the device key refused to sign: \(reason); check the key, or provision the board again"
        case .poweredOff: "the board has no power; switch it on"
        }
    }
}
