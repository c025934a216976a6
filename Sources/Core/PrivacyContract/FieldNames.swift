import CloudMessages

/// The fields that the contract knows, spelled as they travel in JSON and stand in the ledger.
extension FieldName {
    // F-C3, F-C4
    package static let userName = Self("userName")
    package static let password = Self("password")
    package static let tokenID = Self("tokenId")
    package static let revocation = Self("revocation")
    // F-C5
    package static let metrics = Self("metrics")
    /// What the TLS client certificate says (X9); never written in a body.
    package static let serial = Self("serial")
    // F-C7, F-S2, F-S5
    /// The source address of the connection; never written in a body.
    package static let externalAddress = Self("externalAddress")
    package static let externalPort = Self("externalPort")
    package static let certificate = Self("certificate")
    // F-C8
    package static let ciphertext = Self("ciphertext")
    package static let size = Self("size")
    package static let time = Self("time")
    package static let keyID = Self("keyId")
    // F-C1
    package static let displayName = Self("displayName")
    // F-C2
    package static let expiry = Self("expiresAt")
    // F-C10 to F-C12
    package static let accessTime = Self("accessTime")
    package static let adminSession = Self("adminSession")
    package static let voucherCode = Self("voucherCode")
    // F-S2
    package static let version = Self("version")
    package static let operatingSystem = Self("operatingSystem")
    package static let installationID = Self("installationId")
    package static let activationStatus = Self("activationStatus")
    // F-S3, F-S6
    package static let identification = Self("identification")
    package static let provisioningFile = Self("provisioningFile")
    package static let signalling = Self("signalling")
    package static let media = Self("media")
    // F-S4
    package static let product = Self("product")
    // F-S8, F-S9
    package static let caller = Self("caller")
    package static let callee = Self("callee")
    package static let addresses = Self("addressesAndPorts")
    package static let device = Self("pushUriOrDeviceId")
    package static let pushToken = Self("pushToken")

    /// The fields of a call record (FLOWS.md section 5), in the order in which they are written: F-C6.
    package static let callRecord: [Self] = [
        "CallDataId", "startDate", "length", "externalName", "externalPhoneNumber", "msn", "userNumber", "userName",
        "connectedUserNumber", "connectedUserName", "groupNumber", "groupName", "cost", "costFactor", "direction",
        "callType", "success",
    ].map { Self($0) }

    /// The fields of the device state, as the service `control` writes them: F-C13.
    package static let deviceState: [Self] = [
        "model", "firmwareVersion", "edition", "registeredUsers", "activeCalls", "services",
    ].map { Self($0) }

    /// The fields of a crash report: F-S10, X16.
    package static let crashReport: [Self] = CrashReport.wireNames.map { Self($0) }
    package static let startTime = Self("startTime")
    package static let crashDate = Self("crashDate")
}
