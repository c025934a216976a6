import CloudCore
import CloudMessages
import CloudWire
import Primitives

/// The Control Center's list on disk, `DATA/control-center.json`, mode 0600: it holds the pairing passwords. Call data and
/// monitoring values never get here (R7, R11).
struct ControlCenterFile: Sendable {
    let path: String

    private struct Device: Codable {
        var serial: String
        var name: String
        /// Absent in files of earlier versions, which knew no companies.
        var company: String?
        var firstRegistration: String?
        var waiting: Waiting?
        var paired: Paired?
    }
    private struct Waiting: Codable {
        var code: String
        var offer: PairingOfferBody
        var isDelivered: Bool
    }
    private struct Paired: Codable {
        var tokenId: String
        var user: String
        var password: String
    }

    func load() throws(VendorCloudError) -> [DeviceRecord] {
        guard ServerFiles.exists(path) else { return [] }
        do {
            let bytes = try ServerFiles.read(path)
            let devices = try WireJSON.decode([Device].self, from: bytes, limit: .max, what: "Control Center list")
            return try devices.map { try Self.record($0) }
        } catch {
            throw .file(path: path, reason: "\(error)")
        }
    }

    func save(_ records: [DeviceRecord]) throws {
        let devices = records.map { record in
            var device = Device(
                serial: record.serial, name: record.name, company: record.company,
                firstRegistration: record.firstRegistration?.rfc3339)
            switch record.pairing {
            case .none: break
            case .waiting(let code, let offer, let isDelivered):
                device.waiting = Waiting(code: code.text, offer: PairingOfferBody(offer), isDelivered: isDelivered)
            case .paired(let credential):
                device.paired = Paired(
                    tokenId: credential.tokenID, user: credential.user, password: credential.password.text)
            }
            return device
        }
        try ServerFiles.replace(path, with: try WireJSON.encode(devices, what: "Control Center list"))
    }

    private static func record(_ device: Device) throws(CloudWireError) -> DeviceRecord {
        var record = DeviceRecord(
            serial: device.serial, name: device.name, company: device.company ?? "",
            firstRegistration: device.firstRegistration.flatMap(RFC3339.parse), pairing: .none)
        if let waiting = device.waiting {
            let offer = try PairingOfferBody.decode(try WireJSON.encode(waiting.offer, what: "offer"))
            record.pairing = .waiting(code: Secret(waiting.code), offer: offer, isDelivered: waiting.isDelivered)
        } else if let paired = device.paired {
            record.pairing = .paired(
                PairingCredential(tokenID: paired.tokenId, user: paired.user, password: Secret(paired.password)))
        }
        return record
    }
}

extension Secret {
    /// For the two places where a secret must be written out: the private file and the page of the user it belongs to.
    var text: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
