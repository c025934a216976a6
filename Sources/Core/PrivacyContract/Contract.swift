/// The privacy contract: every flow of FLOWS.md section 2, and one assumption (F-C13), as data. What is not here is denied (Q19).
package enum Contract {
    /// In the order of the ids; each `FlowID` exactly once.
    package static let flows: [Flow] = controlCenterFlows + softphoneFlows

    /// The row of a flow; nil only for a contract that lacks it.
    package static func flow(_ id: FlowID) -> Flow? { flows.first { $0.id == id } }

    /// The switches that lose their consent when the Control Center is switched off (Q5): they depend on it.
    package static let controlCenterDependents: [Switch] = [.monitoring, .callData, .remoteAccess]

    private static let controlCenterFlows: [Flow] = [
        Flow(
            .c1, "Control Center user adds the appliance by its serial number", to: .controlCenter,
            fields: [.serial, .displayName], [.cc(.use, 2, 1)], .elsewhere),
        Flow(
            .c2, "confirmation code offered to the appliance", to: nil, via: [.relay],
            fields: [.tokenID, .serial, .expiry], switches: [.controlCenter], retention: .r8, [.cc(.use, 2, 2)],
            decisions: [.q1, .q3], .received),
        Flow(
            .c3, "pairing user handed to the Control Center", to: .controlCenter,
            fields: [.userName, .password, .tokenID], on: [.codeAccepted], switches: [.controlCenter], retention: .r8,
            [.cc(.use, 3, 4), .cc(.use, 3, 3)], decisions: [.q1, .q4], .sent),
        // Sent because the Control Center was switched off, so it has no switch of its own: once, best effort.
        Flow(
            .c4, "Control Center told that the pairing is revoked", to: .controlCenter, fields: [.revocation],
            on: [.switchedOff], retention: .r8, [.cc(.use, 4, 1), .cc(.use, 4, 2)], decisions: [.q5, .q6], .sent),
        Flow(
            .c5, "monitoring values", to: .monitoring, onward: [.controlCenter], fields: [.metrics, .serial],
            on: [.monitoringInUse], switches: [.controlCenter, .monitoring], retention: .r11,
            [.cc(.monitoring, 1, 1), .cc(.monitoring, 1, 2)], decisions: [.q8], .sent),
        Flow(
            .c6, "call records passed to the user's browser", to: .controlCenter, via: [.relay], onward: [.browser],
            fields: FieldName.callRecord, on: [.usedInControlCenter], switches: [.controlCenter, .callData],
            retention: .r7, [.cc(.callData, 1, 1), .cc(.callData, 1, 2)], decisions: [.q20], .sent),
        Flow(
            .c7, "is the backup service available?", to: .backup, fields: [.externalAddress, .certificate],
            on: [.beforeBackup], switches: [.backup], [.cc(.remoteBackup, 4, 1), .cc(.remoteBackup, 4, 2)], .sent),
        Flow(
            .c8, "encrypted backup", to: .backup, onward: [.controlCenter],
            fields: [.ciphertext, .size, .time, .keyID], on: [.administrator, .schedule], switches: [.backup],
            retention: .r10, [.cc(.remoteBackup, 4, 4), .cc(.remoteBackup, 2, 1)], decisions: [.q9, .q10, .q11], .sent),
        Flow(
            .c9, "Control Center lists, fetches and deletes backups", to: .controlCenter, fields: [.ciphertext],
            retention: .r10, [.cc(.remoteBackup, 3, 1), .cc(.remoteBackup, 3, 2)], decisions: [.q9, .q10], .elsewhere),
        Flow(
            .c10, "remote configuration", to: .remoteAccess, onward: [.controlCenter], fields: [.adminSession],
            on: [.usedInControlCenter], switches: [.controlCenter, .remoteAccess],
            [.cc(.remoteConfiguration, 1, 1), .cc(.remoteConfiguration, 1, 2)], decisions: [.q5], .sent),
        Flow(
            .c11, "access log of the remote configuration", to: .remoteAccess, fields: [.externalAddress, .accessTime],
            retention: .r9, [.cc(.remoteConfiguration, 2, 1), .cc(.remoteConfiguration, 2, 2)],
            decisions: [.q12, .q13], .elsewhere),
        Flow(
            .c12, "licence voucher redeemed", to: .voucherCenter, fields: [.voucherCode, .serial], on: [.administrator],
            switches: [.voucher], basis: .assumption("the policy lists the server only"),
            [.cc(.serverLocations, 1, 1)], decisions: [.q19], .sent, isImplemented: false),
        // ASSUMPTION, not a row of FLOWS.md: the policy says what the Control Center lists of an appliance, not that the
        // appliance tells it. Without it the list could not be shown, and with it the answer has a row, a switch and an
        // entry in the ledger like everything else (Q19).
        Flow(
            .c13, "device state shown to a paired Control Center", to: .controlCenter, via: [.relay],
            fields: FieldName.deviceState, on: [.usedInControlCenter], switches: [.controlCenter],
            basis: .assumption("the policy says that devices are managed, not what is read for it"), [.cc(.use, 1, 1)],
            decisions: [.q19], .sent),
    ]

    private static let softphoneFlows: [Flow] = [
        Flow(
            .s1, "app-store download", to: nil, basis: .none, [.sp(.usage, 1, 1), .sp(.usage, 1, 3)], decisions: [.q19],
            .elsewhere),
        Flow(
            .s2, "is there an update?", to: .update,
            fields: [.externalAddress, .version, .operatingSystem, .installationID, .activationStatus],
            on: [.administrator, .schedule], switches: [.updates],
            [.sp(.softwareUpdates, 2, 1), .sp(.softwareUpdates, 1, 1), .sp(.softwareUpdates, 3, 1)], .sent),
        Flow(
            .s3, "provisioning file to an identified client", to: .client, via: [.relay],
            fields: [.identification, .provisioningFile], on: [.clientStart],
            [.sp(.provisioning, 2, 2), .sp(.provisioning, 2, 1)], decisions: [.q17], .sent),
        Flow(
            .s4, "log of configuration queries", to: nil, fields: [.externalAddress, .accessTime, .product],
            retention: .r2, [.sp(.provisioning, 3, 1), .sp(.provisioning, 4, 1), .sp(.provisioning, 4, 2)],
            decisions: [.q12, .q13], .kept),
        Flow(
            .s5, "location of the appliance at the relay", to: .relay,
            fields: [.externalAddress, .externalPort, .serial], on: [.uplink], switches: [.relay],
            [.sp(.proxyServer, 2, 1)], decisions: [.q3, .q21], .sent),
        // What users say and sign through the uplink: their data, passed on as long as the relay is on; the gate makes no
        // permit for it.
        Flow(
            .s6, "signalling, media and provisioning of remote clients", to: .client, via: [.relay],
            fields: [.signalling, .media, .provisioningFile], on: [.remoteClientCall], switches: [.relay],
            retention: .r3, [.sp(.proxyServer, 3, 1), .sp(.proxyServer, 3, 2)], decisions: [.q20], .sent),
        Flow(
            .s7, "address of a mobile client at the push server", to: .push, fields: [.externalAddress], retention: .r5,
            [.sp(.proxyServer, 4, 2), .sp(.proxyServer, 4, 3), .sp(.proxyServer, 4, 4)], decisions: [.q14], .elsewhere),
        Flow(
            .s8, "push wake-up", to: .push, onward: [.googlePush, .applePush, .client], fields: [.pushToken],
            on: [.incomingCall], switches: [.push], [.sp(.proxyServer, 5, 1), .sp(.proxyServer, 5, 2)],
            decisions: [.q16], .sent, isImplemented: false),
        Flow(
            .s9, "push diagnostics", to: .push, fields: [.userName, .caller, .callee, .addresses, .device],
            droppedWhenStrict: [.caller, .callee], retention: .r6, [.sp(.pushNotificationService, 1, 1)],
            decisions: [.q14], .elsewhere),
        Flow(
            .s10, "crash report", to: .crash, fields: FieldName.crashReport, on: [.afterCrash],
            switches: [.crashReports], basis: .incompleteClause("the policy gives the server no country"),
            [.sp(.crashReport, 1, 2), .sp(.crashReport, 1, 1)], decisions: [.q18, .q13], .sent),
        Flow(
            .s11, "contacts of a third party", to: nil, basis: .none, [.sp(.serverLocations, 1, 1)],
            decisions: [.q19], .elsewhere),
    ]
}
