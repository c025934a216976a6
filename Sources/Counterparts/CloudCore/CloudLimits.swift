/// Bounds on what the cloud's memory and disk hold; each has a test that reaches it.
package struct CloudLimits: Sendable, Hashable {
    // Control Center
    package var devices = 2_000
    package var nameBytes = 100
    package var serialBytes = 32
    /// How long a pairing code can be typed (FLOWS.md section 5).
    package var codeLifetime = Duration.seconds(24 * 3_600)
    /// Between two attempts to deliver an offer, and between two polls of a paired appliance's state.
    package var offerRetry = Duration.seconds(2)
    package var offerRetryCap = Duration.seconds(30)
    package var statePoll = Duration.seconds(5)
    /// All states of a large fleet together are read at this rate at most, whatever `statePoll` says.
    package var statePollsPerSecond = 20
    /// Call records in flight to one browser (R7: memory only).
    package var callRecordsInFlight = 100

    // Accounts of the Control Center
    package var companies = 1_000
    package var accountsPerCompany = 100
    package var loginBytes = 64
    package var sessions = 10_000
    package var sessionsPerAccount = 10
    package var sessionIdle = Duration.seconds(30 * 60)
    package var sessionLifetime = Duration.seconds(12 * 3_600)
    /// Wrong passwords before the first pause; then it doubles with each.
    package var freeLoginFailures = 5
    package var loginPause = Duration.seconds(1)
    package var loginPauseCap = Duration.seconds(300)
    /// Logins whose wrong passwords are remembered; the oldest is forgotten for a new one.
    package var loginFailures = 10_000
    /// Passwords that are hashed at one time: each takes 16 MiB.
    package var passwordChecks = 4

    // Monitoring
    package var monitoredDevices = 2_000
    /// R11: values are kept for display.
    package var monitoringAge = Duration.seconds(24 * 3_600)
    package var reportsPerDevice = 1_500
    /// Different values, by name, unit and attributes, that one appliance may report.
    package var seriesPerDevice = 64
    /// Reports closer together than this replace the newest one in the history.
    package var reportSpacing = Duration.seconds(60)
    package var shortestReportInterval = Duration.milliseconds(500)

    // Backup
    package var backupBytes: Int64 = 256 * 1024 * 1024
    package var backupsPerDevice = 10
    package var backupAge = Duration.seconds(365 * 24 * 3_600)
    package var backupKeysPerDevice = 32
    package var backupKeyBytes = 16_384
    package var partialUploadsPerDevice = 2
    /// A request whose bytes only trickle in is cut off after so long; the upload can be resumed.
    package var uploadDuration = Duration.seconds(3_600)
    /// A connection on which nothing comes for so long is closed, whatever it has announced.
    package var requestIdle = Duration.seconds(30)
    /// All bytes on the server's disk; uploads beyond it are answered 507.
    package var storageBytes: Int64 = 64 * 1024 * 1024 * 1024

    // Updates and crash reports
    package var updateBoards = 100
    package var manifestBytes = 65_536
    package var crashReports = 1_000

    // Relay
    /// More than there are appliances: after a broken path an old connection lingers beside the new one.
    package var uplinks = 2_500
    /// Pipes to one appliance at a time; `Limits.uplinkStreams` is the appliance's own bound.
    package var streamsPerUplink = 100
    /// Accepted connections on all ports of the relay together.
    package var relayConnections = 6_000

    package init() {}
}

/// Checks on names that peers and users give.
package enum CloudNames {
    /// What a person reads: any text without control characters, 1 to `limit` bytes.
    package static func isDisplayName(_ text: String, limit: Int) -> Bool {
        !text.isEmpty && text.utf8.count <= limit
            && !text.unicodeScalars.contains { $0.value < 32 || (0x7F...0x9F).contains($0.value) }
    }

    /// Letters, digits, `-`, `_` and `.`, 1 to `limit` bytes, not starting with a dot.
    package static func isIdentifier(_ text: String, limit: Int = 64) -> Bool {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= limit, bytes[0] != UInt8(ascii: ".") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }
}
