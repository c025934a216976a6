import AsyncHTTPClient
import CloudMessages
package import NIOCore
import NIOHTTP1
package import NIOSSL
package import Primitives

/// Fetches the provisioning file through the relay (F-S3): TLS end to end with the appliance, by its server name.
package enum ProvisioningClient {
    /// Throws `.provisioningRefused` for an answer other than 200, `.cannotReach` when there is none.
    package static func fetch(
        token: String, relay: Endpoint, serverName: String, tls: TLSConfiguration, group: any EventLoopGroup
    ) async throws(SoftphoneError) -> [UInt8] {
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        // The relay's address stands in for the name: its public port forwards by server name.
        configuration.dnsOverride = [serverName: "\(relay.address)"]
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(20))
        configuration.redirectConfiguration = .disallow
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        let answer: (status: Int, body: [UInt8])
        do {
            var request = HTTPClientRequest(
                url: "https://\(serverName):\(relay.port)\(ProvisioningPath.prefix)\(token)")
            request.headers.add(name: "User-Agent", value: "pbx-softphone")
            let response = try await client.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: AccountFile.sizeLimit)
            answer = (Int(response.status.code), Array(body.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw .cannotReach("the provisioning server \(serverName) at \(relay)", reason: "\(error)")
        }
        try? await client.shutdown()
        guard answer.status == 200 else { throw .provisioningRefused(status: answer.status) }
        return answer.body
    }
}
