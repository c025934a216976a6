package import CloudMessages
package import Primitives

/// `POST /v1/welcome` on the uplink: the appliance's address as the relay sees it (F-S5).
package struct WelcomeBody: Codable, Sendable, Hashable {
    package var address: String
    package var port: UInt16

    package init(_ endpoint: Endpoint) {
        address = "\(endpoint.address)"
        port = endpoint.port
    }

    /// Nil when the address is no IP address.
    package var endpoint: Endpoint? { IPAddress(address).map { Endpoint(address: $0, port: port) } }
}

/// Answer of `GET /v1/state` on the service `control`.
package struct DeviceStateBody: Codable, Sendable, Hashable {
    package var model: String
    package var firmwareVersion: String
    package var edition: String
    package var registeredUsers: Int
    package var activeCalls: Int
    package var services: [String]

    package init(_ state: DeviceState) {
        model = state.model
        firmwareVersion = state.firmwareVersion
        edition = state.edition
        registeredUsers = state.registeredUsers
        activeCalls = state.activeCalls
        services = state.services
    }

    package var state: DeviceState {
        DeviceState(
            model: model, firmwareVersion: firmwareVersion, edition: edition, registeredUsers: registeredUsers,
            activeCalls: activeCalls, services: services)
    }
}

/// One call record as F-C6 carries it; the names are those of FLOWS.md section 5. Quality figures are not a field of it.
package struct CallRecordBody: Codable, Sendable, Hashable {
    /// Decimal digits; text, because a JavaScript number cannot hold 64 bits.
    package var callDataID: String
    /// RFC 3339.
    package var startDate: String
    package var length: Int
    package var externalName: String
    package var externalPhoneNumber: String
    package var msn: String
    package var userNumber: String
    package var userName: String
    package var connectedUserNumber: String
    package var connectedUserName: String
    package var groupNumber: String
    package var groupName: String
    package var cost: Double
    package var costFactor: Double
    package var direction: String
    package var callType: String
    package var success: Bool

    private enum CodingKeys: String, CodingKey {
        case callDataID = "CallDataId"
        case startDate, length, externalName, externalPhoneNumber, msn, userNumber, userName, connectedUserNumber
        case connectedUserName, groupNumber, groupName, cost, costFactor, direction, callType, success
    }

    package init(_ record: CallRecord) {
        callDataID = String(record.callDataID)
        startDate = record.startDate.rfc3339
        length = record.lengthSeconds
        externalName = record.externalName
        externalPhoneNumber = record.externalPhoneNumber
        msn = record.msn
        userNumber = record.userNumber
        userName = record.userName
        connectedUserNumber = record.connectedUserNumber
        connectedUserName = record.connectedUserName
        groupNumber = record.groupNumber
        groupName = record.groupName
        cost = record.cost.isFinite ? record.cost : 0
        costFactor = record.costFactor.isFinite ? record.costFactor : 0
        direction = record.direction.rawValue
        callType = record.callType
        success = record.success
    }

    /// Nil when id, date or direction is malformed.
    package var record: CallRecord? {
        guard let id = UInt64(callDataID), let start = RFC3339.parse(startDate),
            let direction = CallRecord.Direction(rawValue: direction)
        else { return nil }
        var record = CallRecord(callDataID: id, startDate: start, lengthSeconds: length)
        record.externalName = externalName
        record.externalPhoneNumber = externalPhoneNumber
        record.msn = msn
        record.userNumber = userNumber
        record.userName = userName
        record.connectedUserNumber = connectedUserNumber
        record.connectedUserName = connectedUserName
        record.groupNumber = groupNumber
        record.groupName = groupName
        record.cost = cost
        record.costFactor = costFactor
        record.direction = direction
        record.callType = callType
        record.success = success
        return record
    }
}
