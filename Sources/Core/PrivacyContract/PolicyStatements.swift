extension Contract {
    /// Both policies, sentence by sentence, as far as data move: what the linter looks for contradictions in.
    package static let statements: [PolicyStatement] = controlCenterStatements + softphoneStatements + locations

    private static let controlCenterStatements: [PolicyStatement] = [
        PolicyStatement(.cc(.use, 2, 1), .sends(.serial, [.browser, .controlCenter])),
        PolicyStatement(.cc(.use, 2, 2), .sends(.confirmationCode, [.controlCenter, .relay, .appliance])),
        PolicyStatement(.cc(.use, 3, 1), .checks(.confirmationCode, [])),
        PolicyStatement(.cc(.use, 3, 3), .makesAccount(.pairingUser, rights: [])),
        PolicyStatement(.cc(.use, 3, 4), .sends(.pairingUser, [.appliance, .controlCenter])),
        PolicyStatement(
            .cc(.use, 3, 4), .secures(Hop(.appliance, .controlCenter), certificateOf: .appliance)),
        PolicyStatement(.cc(.use, 4, 1), .switchesOff(.controlCenter, [.c3])),
        PolicyStatement(.cc(.use, 4, 2), .erases([.confirmationCode, .pairingUser], at: nil)),
        PolicyStatement(.cc(.monitoring, 1, 1), .offers(.c5, through: .controlCenter)),
        PolicyStatement(.cc(.monitoring, 1, 1), .holds(.monitoringValues, ["CPU load", "free memory"])),
        PolicyStatement(.cc(.monitoring, 1, 1), .sends(.monitoringValues, [.appliance, .monitoring])),
        PolicyStatement(.cc(.monitoring, 1, 1), .keeps(.monitoringValues, at: .monitoring, .whileDisplayed)),
        PolicyStatement(.cc(.monitoring, 1, 2), .sends(.monitoringValues, [.monitoring, .controlCenter])),
        PolicyStatement(
            .cc(.monitoring, 1, 2), .secures(Hop(.monitoring, .controlCenter), certificateOf: .appliance)),
        PolicyStatement(.cc(.callData, 1, 1), .offers(.c6, through: .controlCenter)),
        PolicyStatement(.cc(.callData, 1, 1), .means("call data", .callRecords)),
        PolicyStatement(.cc(.callData, 1, 1), .sends(.callRecords, [.appliance, .relay, .controlCenter, .browser])),
        PolicyStatement(.cc(.callData, 1, 1), .keeps(.callRecords, at: .controlCenter, .never)),
        PolicyStatement(.cc(.callData, 1, 2), .keeps(.callRecords, at: .browser, nil)),
        PolicyStatement(.cc(.remoteBackup, 1, 1), .offers(.c8, through: .controlCenter)),
        PolicyStatement(.cc(.remoteBackup, 1, 2), .holds(.backup, nil)),
        PolicyStatement(.cc(.remoteBackup, 2, 3), .refers([.backup, .backupPassword])),
        PolicyStatement(.cc(.remoteBackup, 3, 1), .sends(.backup, [.backup, .controlCenter])),
        PolicyStatement(
            .cc(.remoteBackup, 3, 2),
            .sendsOnly(.backup, [Hop(.backup, .controlCenter), Hop(.controlCenter, .backup)])),
        PolicyStatement(.cc(.remoteBackup, 4, 2), .sends(.certificate, [.appliance, .backup])),
        PolicyStatement(.cc(.remoteBackup, 4, 3), .checks(.certificate, ["serial number"])),
        PolicyStatement(.cc(.remoteBackup, 4, 4), .sends(.backup, [.appliance, .backup])),
        PolicyStatement(.cc(.remoteConfiguration, 1, 1), .offers(.c10, through: .controlCenter)),
        PolicyStatement(.cc(.remoteConfiguration, 1, 2), .sends(.adminSession, [.controlCenter, .remoteAccess])),
        PolicyStatement(.cc(.remoteConfiguration, 2, 1), .holds(.accessLog, ["IP address", "access time"])),
        PolicyStatement(.cc(.remoteConfiguration, 2, 2), .anonymises(.accessLog, by: nil)),
        PolicyStatement(.cc(.remoteConfiguration, 2, 2), .keeps(.accessLog, at: .remoteAccess, .days(14))),
        PolicyStatement(.cc(.remoteConfiguration, 2, 3), .keeps(.accessLog, at: .remoteAccess, .forever)),
    ]

    private static let softphoneStatements: [PolicyStatement] = [
        PolicyStatement(.sp(.usage, 1, 1), .sends(.account, [.client, .appStore])),
        PolicyStatement(.sp(.usage, 1, 3), .disclaims(.appStore)),
        PolicyStatement(
            .sp(.softwareUpdates, 2, 1),
            .holds(
                .updateQuery, ["IP address", "version", "operating system", "installation id", "activation status"])),
        PolicyStatement(.sp(.softwareUpdates, 2, 1), .sends(.updateQuery, [.client, .update])),
        PolicyStatement(.sp(.softwareUpdates, 3, 1), .switchesOff(.updates, [.s2])),
        PolicyStatement(.sp(.provisioning, 2, 2), .sends(.provisioningFile, [.appliance, .relay, .client], .all)),
        PolicyStatement(.sp(.provisioning, 4, 1), .holds(.accessLog, ["IP address", "access time"])),
        PolicyStatement(.sp(.provisioning, 4, 2), .anonymises(.accessLog, by: nil)),
        PolicyStatement(.sp(.provisioning, 4, 2), .keeps(.accessLog, at: .vendor, .months(12))),
        PolicyStatement(.sp(.proxyServer, 1, 2), .serves(.relay, .mobile)),
        PolicyStatement(.sp(.proxyServer, 2, 1), .sends(.location, [.appliance, .relay])),
        PolicyStatement(.sp(.proxyServer, 2, 1), .keeps(.location, at: .relay, nil)),
        PolicyStatement(.sp(.proxyServer, 3, 1), .means("call data", .liveCalls)),
        PolicyStatement(.sp(.proxyServer, 3, 1), .sends(.liveCalls, [.appliance, .relay, .client], .mobile)),
        PolicyStatement(.sp(.proxyServer, 3, 2), .keeps(.liveCalls, at: .relay, .untilForwarded)),
        PolicyStatement(.sp(.proxyServer, 4, 2), .sends(.clientAddress, [.client, .push], .mobile)),
        PolicyStatement(.sp(.proxyServer, 4, 3), .keeps(.clientAddress, at: .push, .untilReplaced)),
        PolicyStatement(.sp(.proxyServer, 4, 4), .switchesOff(.push, [.s7])),
        PolicyStatement(.sp(.proxyServer, 5, 1), .sends(.pushToken, [.push, .googlePush], .mobile)),
        PolicyStatement(.sp(.proxyServer, 5, 2), .sends(.pushToken, [.push, .applePush], .ios)),
        PolicyStatement(.sp(.pushNotificationService, 1, 1), .keeps(.clientAddress, at: .push, .days(7))),
        PolicyStatement(.sp(.pushNotificationService, 1, 1), .keeps(.pushDiagnostics, at: .push, .days(7))),
        PolicyStatement(
            .sp(.pushNotificationService, 1, 1),
            .holds(.pushDiagnostics, ["user name", "caller", "callee", "IP addresses and ports", "URI or device id"])),
        PolicyStatement(.sp(.crashReport, 1, 1), .anonymises(.crashReport, by: nil)),
        PolicyStatement(.sp(.crashReport, 1, 1), .sends(.crashReport, [.client, .crash])),
        PolicyStatement(
            .sp(.crashReport, 1, 2),
            .holds(
                .crashReport,
                ["brand and model", "code name", "OS version", "language", "app version and name", "start", "date"])),
    ]

    private static let locations: [PolicyStatement] =
        Party.allCases.flatMap { party in
            party.locatedIn.map { PolicyStatement(Clause($0, .serverLocations, 1, 1), .locates(party)) }
        }
}
