package import CloudCore
package import Primitives

/// What `vendorcloud run` is told.
package struct VendorCloudOptions: Sendable {
    /// The servers of this process. The names stand in the ready line and in the names of the logs.
    package enum Listener: String, Sendable, Hashable, CaseIterable {
        case relay
        case publicPort = "public"
        case backup
        case monitoring
        case controlCenter = "control-center"
        case relayService = "relay-service"
        case web
        case update
        case crash
        case remoteAccess = "remote-access"
        case remoteAccessService = "remote-access-service"

        package var defaultPort: UInt16 {
            switch self {
            case .relay: 7443
            case .publicPort: 7440
            case .backup: 7444
            case .monitoring: 7445
            case .controlCenter: 7446
            case .relayService: 7447
            case .web: 7480
            case .update: 7448
            case .crash: 7449
            case .remoteAccess: 7450
            case .remoteAccessService: 7451
            }
        }
    }

    /// A directory as `DevelopmentPKI` lays it out; only the server keys are read.
    package var pkiDirectory: String
    package var dataDirectory: String
    package var bindAddress = IPAddress.loopbackV4
    /// 0 lets the system pick one; absent: the default.
    package var ports: [Listener: UInt16] = [:]
    package var limits = CloudLimits()
    /// Where the Control Center finds the relay's service port; nil: in this process. With it relay and Control Center are
    /// processes of their own, neither of which has the other's memory.
    package var relayService: Endpoint?
    /// Appliances with older firmware are shown as needing maintenance.
    package var minimumFirmware = "0.0.0"

    package init(pkiDirectory: String, dataDirectory: String) {
        self.pkiDirectory = pkiDirectory
        self.dataDirectory = dataDirectory
    }

    package func port(_ listener: Listener) -> UInt16 { ports[listener] ?? listener.defaultPort }
}
