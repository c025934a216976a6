package import HAL
import OpenSSLCrypto
import Primitives

/// The hardware of a local process, where a directory stands for the flash with `factory/`, `configuration/`, `data/`; and
/// of a board, where partitions are mounted there and a `BoardDescription` says what else there is.
package struct ProcessHAL: HardwareAbstraction {
    static let factoryDirectory = "factory"
    static let developmentDirectory = "development"
    static let developmentModel = "development"

    package let identity: any IdentityDevice
    package let clock: any ClockDevice = SystemClock()
    package let entropy: any EntropyDevice = SystemEntropy()
    package let monitor: any SystemMonitor
    package let watchdog: any WatchdogDevice
    package let indicator: any IndicatorDevice
    /// False for a development identity: no vendor server will know it.
    package let isProvisioned: Bool
    private let configuration: DirectoryPartition
    private let data: DirectoryPartition

    /// Opens a provisioned board. Throws what is missing, damaged or too widely readable, and how to mend it.
    package static func open(directory: String, board: BoardDescription? = nil) throws(HALError) -> ProcessHAL {
        let identity = try FactoryPartition.load("\(directory)/\(factoryDirectory)")
        return try ProcessHAL(directory: directory, identity: identity, isProvisioned: true, board: board)
    }

    /// As `open`, but a board whose factory partition does not exist at all gets an identity of its own, for protocol
    /// tests: a random serial number `DEV…` and a certificate from a root whose key is thrown away at once. It is kept in
    /// `development/`, so that a restart finds the same board.
    package static func developmentIdentity(directory: String) throws(HALError) -> ProcessHAL {
        guard !PrivateFile.exists("\(directory)/\(factoryDirectory)") else { return try open(directory: directory) }
        let development = "\(directory)/\(developmentDirectory)"
        if !PrivateFile.exists("\(development)/\(FactoryPartition.keyFile)") {
            do { try PrivateFile.makeDirectory(directory) } catch { throw HALError.writing(error) }
            try makeDevelopmentIdentity(development)
        }
        let identity = try FactoryPartition.load(development)
        return try ProcessHAL(directory: directory, identity: identity, isProvisioned: false)
    }

    private init(
        directory: String, identity: FileIdentity, isProvisioned: Bool, board: BoardDescription? = nil
    ) throws(HALError) {
        self.identity = identity
        self.isProvisioned = isProvisioned
        configuration = try DirectoryPartition(path: "\(directory)/\(PartitionKind.configuration.rawValue)")
        data = try DirectoryPartition(path: "\(directory)/\(PartitionKind.data.rawValue)")
        monitor = ProcMonitor(fileSystemPath: "\(directory)/\(PartitionKind.data.rawValue)")
        if let path = board?.watchdogPath {
            watchdog = try HardwareWatchdog(path: path, seconds: board?.watchdogSeconds ?? 30)
        } else {
            watchdog = ServiceWatchdog(notifier: ServiceNotifier.fromEnvironment())
        }
        if let path = board?.ledPath {
            indicator = LEDIndicator(directory: path)
        } else {
            let parent = board == nil ? directory : "\(directory)/\(PartitionKind.data.rawValue)"
            indicator = FileIndicator(path: "\(parent)/indicator")
        }
    }

    package func partition(_ kind: PartitionKind) -> any PartitionDevice {
        switch kind {
        case .configuration: configuration
        case .data: data
        }
    }

    private static func makeDevelopmentIdentity(_ directory: String) throws(HALError) {
        let serial = "DEV" + Hex.encode(SystemEntropyGenerator.bytes(5)).uppercased()
        let now = SystemClock().wallTime()
        let (notBefore, notAfter) = (now + .seconds(-86_400), now + .seconds(3_650 * 86_400))
        let keyText: Secret
        let leaf: Certificate
        let root: Certificate
        do throws(CryptoError) {
            let rootKey = try ECDSAKey.generate()
            root = try Certificate.selfSigned(
                CertificateTemplate(
                    subject: SubjectFields(commonName: "Root of \(serial)"), role: .authority(pathLength: 0),
                    notBefore: notBefore, notAfter: notAfter), key: rootKey)
            let key = try ECDSAKey.generate()
            keyText = try key.pem()
            leaf = try root.issue(
                CertificateTemplate(
                    subject: SubjectFields(commonName: "\(developmentModel)-\(serial)", serialNumber: serial),
                    role: .clientAndServer, dnsNames: ["localhost"], addresses: [.loopbackV4, .v6(0, 1)],
                    notBefore: notBefore, notAfter: notAfter), publicKey: key.publicKey, key: rootKey)
        } catch {
            throw .writeFailed(path: directory, reason: error.description)
        }
        try FactoryPartition.write(
            directory, serial: serial, model: developmentModel, key: keyText, chain: [leaf], root: root)
    }
}
