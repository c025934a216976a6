import CloudMessages
package import Primitives

extension ControlCenterCore {
    /// All appliances, in the order in which the users have added them.
    package func rows(at wall: UnixTime) -> [DeviceRow] {
        devices.map { $0.row(at: wall, minimumFirmware: minimumFirmware) }
    }

    /// A company's list.
    package func rows(company: String, at wall: UnixTime) -> [DeviceRow] {
        devices.filter { $0.record.company == company }.map { $0.row(at: wall, minimumFirmware: minimumFirmware) }
    }

    /// One row of a company's list.
    package func row(serial: String, company: String, at wall: UnixTime) -> DeviceRow? {
        guard let record = record(serial: serial, company: company) else { return nil }
        return devices.first { $0.record.serial == record.serial }?.row(at: wall, minimumFirmware: minimumFirmware)
    }
}

extension ControlCenterCore.Device {
    private typealias Judgement = (state: DeviceRow.State, reason: DeviceRow.Reason, detail: String)

    func row(at wall: UnixTime, minimumFirmware: String) -> DeviceRow {
        var row = DeviceRow(
            name: record.name, serial: record.serial, firstRegistration: record.firstRegistration, state: .unknown,
            reason: .notPaired, detail: "not paired; add the serial number again to get a new code",
            licences: deviceState?.edition, registrationStatus: record.firstRegistration == nil ? .never : .offline,
            deviceState: deviceState)
        switch record.pairing {
        case .none: break
        case .waiting(let code, let offer, let isDelivered):
            (row.state, row.reason, row.detail) = waiting(isExpired: wall > offer.expiresAt, isDelivered: isDelivered)
            guard wall <= offer.expiresAt else { break }
            row.code = code
            row.codeExpiresAt = offer.expiresAt
        case .paired:
            (row.state, row.reason, row.detail) = paired(minimumFirmware: minimumFirmware)
            if lastFailure == nil, deviceState != nil { row.registrationStatus = .online }
        }
        return row
    }

    private func waiting(isExpired: Bool, isDelivered: Bool) -> Judgement {
        if isExpired {
            return (.error, .codeExpired, "the code has expired; add the serial number again to get a new one")
        }
        if isDelivered { return (.waitingWithToken, .typeCode, "type the code on the appliance") }
        if let refusal { return (.error, .offerRefused, refusal) }
        return switch lastFailure {
        case .relayUnavailable: (.error, .relayUnavailable, "the relay is not available; delivery is tried again")
        case .applianceAbsent, nil:
            (
                .waitingWithToken, .waitingForAppliance,
                "waiting for the appliance to connect to the relay; then type the code there"
            )
        case .failed(let reason):
            (
                .waitingWithToken, .deliveryFailed,
                "the code could not be delivered yet (\(reason)); it is tried again"
            )
        }
    }

    private func paired(minimumFirmware: String) -> Judgement {
        switch lastFailure {
        case .relayUnavailable: return (.error, .relayUnavailable, "paired, but the relay is not available")
        case .applianceAbsent: return (.paired, .notConnected, "paired, not connected at the moment")
        case .failed(let reason):
            return (.paired, .notAnswering, "paired, not answering at the moment (\(reason))")
        case nil: break
        }
        guard let deviceState else { return (.paired, .stateUnknown, "paired; the state is being read") }
        guard !Self.isOlder(deviceState.firmwareVersion, than: minimumFirmware) else {
            return (
                .maintenanceNeeded, .firmwareOld,
                "firmware \(deviceState.firmwareVersion) is older than \(minimumFirmware); update it"
            )
        }
        return (.paired, .connected, "paired, connected")
    }

    /// Compares dotted numbers; a part that is no number counts as 0.
    private static func isOlder(_ version: String, than minimum: String) -> Bool {
        func parts(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0.prefix { $0.isNumber }) ?? 0 } }
        let (left, right) = (parts(version), parts(minimum))
        for index in 0..<max(left.count, right.count) {
            let (a, b) = (index < left.count ? left[index] : 0, index < right.count ? right[index] : 0)
            if a != b { return a < b }
        }
        return false
    }
}
