import HAL
import Primitives

/// The bearer token of the administration over HTTPS: made at the first start, in the configuration partition, 0600.
enum AdminToken {
    static let fileName = "admin-token"

    static func load(from partition: any PartitionDevice, entropy: inout Entropy) throws(HALError) -> Secret {
        do throws(HALError) {
            let text = try partition.read(fileName).filter { $0 > 0x20 && $0 < 0x7F }
            if text.count >= 32 { return Secret(text) }
        } catch {
            guard case .notFound = error else { throw error }
        }
        let token = Base64.encode(entropy.bytes(32), alphabet: .url, padding: false)
        try partition.replace(fileName, with: Array("\(token)\n".utf8))
        return Secret(token)
    }
}
