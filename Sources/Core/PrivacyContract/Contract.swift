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
            .c1, "Control Center user adds the appliance by its serial number", to: .controlCenter, fields: [.serial],
            basis: .clause("CC, Use"), .elsewhere),
        Flow(
            .c2, "confirmation code offered to the appliance", to: nil, via: [.relay], fields: [.tokenID, .serial],
            switches: [.controlCenter], retention: .r8, basis: .clause("CC, Use"), .received),
        Flow(
            .c3, "pairing user handed to the Control Center", to: .controlCenter,
            fields: [.userName, .password, .tokenID], on: [.codeAccepted], switches: [.controlCenter], retention: .r8,
            basis: .clause("CC, Use"), .sent),
        // Sent because the Control Center was switched off, so it has no switch of its own: once, best effort.
        Flow(
            .c4, "Control Center told that the pairing is revoked", to: .controlCenter, fields: [.revocation],
            on: [.switchedOff], retention: .r8, basis: .clause("CC, Use"), .sent),
        Flow(
            .c5, "monitoring values", to: .monitoring, fields: [.metrics, .serial], on: [.monitoringInUse],
            switches: [.controlCenter, .monitoring], retention: .r11, basis: .clause("CC, Use of the Monitoring"), .sent
        ),
        Flow(
            .c6, "call records passed to the user's browser", to: .controlCenter, via: [.relay],
            fields: FieldName.callRecord, on: [.usedInControlCenter], switches: [.controlCenter, .callData],
            retention: .r7, basis: .clause("CC, Use of the call data"), .sent),
        Flow(
            .c7, "is the backup service available?", to: .backup, fields: [.externalAddress, .certificate],
            on: [.beforeBackup], switches: [.backup], basis: .clause("CC, Using the Remote Backup"), .sent),
        Flow(
            .c8, "encrypted backup", to: .backup, fields: [.ciphertext, .size, .time, .keyID],
            on: [.administrator, .schedule], switches: [.backup], retention: .r10,
            basis: .clause("CC, Using the Remote Backup"), .sent),
        Flow(
            .c9, "Control Center lists, fetches and deletes backups", to: .controlCenter, fields: [.ciphertext],
            retention: .r10, basis: .clause("CC, Using the Remote Backup"), .elsewhere),
        Flow(
            .c10, "remote configuration", to: .remoteAccess, fields: [.adminSession], on: [.usedInControlCenter],
            switches: [.controlCenter, .remoteAccess], basis: .clause("CC, Remote configuration"), .sent,
            isImplemented: false),
        Flow(
            .c11, "access log of the remote configuration", to: .remoteAccess, retention: .r9,
            basis: .clause("CC, Remote configuration"), .elsewhere),
        Flow(
            .c12, "licence voucher redeemed", to: .voucherCenter, fields: [.voucherCode, .serial], on: [.administrator],
            switches: [.voucher], basis: .assumption("CC, Server locations, lists the server only"), .sent,
            isImplemented: false),
        // ASSUMPTION, not a row of FLOWS.md: the policy says what the Control Center lists of an appliance, not that the
        // appliance tells it. Without it the list could not be shown, and with it the answer has a row, a switch and an
        // entry in the ledger like everything else (Q19).
        Flow(
            .c13, "device state shown to a paired Control Center", to: .controlCenter, via: [.relay],
            fields: FieldName.deviceState, on: [.usedInControlCenter], switches: [.controlCenter],
            basis: .assumption("CC: list of appliances, registration status"), .sent),
    ]

    private static let softphoneFlows: [Flow] = [
        Flow(.s1, "app-store download", to: nil, basis: .none, .elsewhere),
        Flow(
            .s2, "is there an update?", to: .update,
            fields: [.externalAddress, .version, .operatingSystem, .installationID, .activationStatus],
            on: [.administrator, .schedule], switches: [.updates], basis: .clause("SP, Software updates"), .sent,
            isImplemented: false),
        Flow(
            .s3, "provisioning file to an identified client", to: .client, via: [.relay],
            fields: [.identification, .provisioningFile], on: [.clientStart], basis: .clause("SP, Provisioning"), .sent),
        Flow(
            .s4, "log of configuration queries", to: nil, retention: .r2, basis: .clause("SP, Provisioning"), .kept),
        Flow(
            .s5, "location of the appliance at the relay", to: .relay,
            fields: [.externalAddress, .externalPort, .serial], on: [.uplink], switches: [.relay],
            basis: .clause("SP, proxy server"), .sent),
        // What users say and sign through the uplink: their data, passed on as long as the relay is on; the gate makes no
        // permit for it.
        Flow(
            .s6, "signalling, media and provisioning of remote clients", to: .client, via: [.relay],
            fields: [.signalling, .media, .provisioningFile], on: [.remoteClientCall], switches: [.relay],
            retention: .r3,
            basis: .clause("SP, proxy server"), .sent),
        Flow(
            .s7, "address of a mobile client at the push server", to: .push, fields: [.externalAddress], retention: .r5,
            basis: .clause("SP, proxy server"), .elsewhere),
        Flow(
            .s8, "push wake-up", to: .push, fields: [.pushToken], on: [.incomingCall], switches: [.push],
            basis: .clause("SP, proxy server"), .sent, isImplemented: false),
        Flow(
            .s9, "push diagnostics", to: .push, retention: .r6, basis: .clause("SP, Push Notification Service"),
            .elsewhere),
        Flow(
            .s10, "crash report", to: .crash, fields: FieldName.crashReport, on: [.afterCrash],
            switches: [.crashReports], basis: .incompleteClause("SP, Crash report, without a server location"), .sent,
            isImplemented: false),
        Flow(.s11, "contacts of a third party", to: nil, basis: .none, .elsewhere),
    ]
}
