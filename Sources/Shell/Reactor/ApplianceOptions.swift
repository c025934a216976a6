package import HAL
package import Primitives

/// How an appliance is to be run.
package struct ApplianceOptions: Sendable {
    /// Database, artifacts, socket and lock live here.
    package var dataDirectory: String
    package var hal: any HardwareAbstraction
    /// Applied at start when the file is new or has been edited since it was last applied; otherwise the store is kept,
    /// even where it differs. nil: the store alone.
    package var configurationPath: String?
    package var limits = Limits()
    /// Name servers to ask instead of those of /etc/resolv.conf.
    package var nameServers: [Endpoint] = []
    /// The certificate authorities that vouch for the servers of trunks over TLS, one PEM file; nil: the system's.
    package var trunkRootsPath: String?
    package var firmwareVersion = Firmware.version
    /// Where update bundles are handed in, for the board's installer; nil: there is none.
    package var updateDirectory: String?
    /// Whose images fit; a process has a name of its own.
    package var boardName = "process"
    /// The prompts that come with the firmware, one directory per language; what is missing is heard as a tone.
    package var promptDirectory = "/usr/share/pbx/prompts"
    /// With which the board's self-test may call the echo, from this machine; nil: it may not.
    package var selfTestPassword: Secret?
    /// What replaces the process after a restore; by default it executes itself again.
    package var restart: @Sendable () -> Void = { Restart.executeSelf() }

    package init(dataDirectory: String, hal: any HardwareAbstraction, configurationPath: String? = nil) {
        self.dataDirectory = dataDirectory
        self.hal = hal
        self.configurationPath = configurationPath
    }
}

/// What runs here.
package enum Firmware {
    package static let version = "1.0.0"
}
