package import OpenSSLCrypto
package import Primitives

/// Where a scenario is played: time, a network, and an appliance that has been given a configuration.
///
/// There are two: `SimulatedStage` (virtual time, a seeded network, the core in this process) and `LiveStage` (the clock
/// on the wall, sockets on loopback, a running `pbxd`). A scenario does not know on which of them it is. Single-threaded:
/// what is scheduled happens, and what arrives is delivered, only while `wait` or `advance` let time pass.
package protocol Stage: AnyObject {
    var now: Instant { get }
    var hashes: OpenSSLHashes { get }
    /// Where the appliance takes SIP over UDP, once it has been raised.
    var applianceEndpoint: Endpoint { get }
    /// How long a scenario waits for something that is to happen at once: on a network that loses packets, longer.
    var patience: Duration { get }
    /// What has been seen that must never be, by whoever watches this stage.
    var violation: ScenarioFailure? { get }

    /// A generator of its own for one telephone.
    func fork() -> Entropy
    /// For the trace.
    func note(_ text: @autoclosure () -> String)

    func after(_ delay: Duration, _ action: @escaping () -> Void)
    /// Lets `duration` pass.
    func advance(_ duration: Duration)
    /// Lets time pass until `condition` holds; throws when `limit` has passed without.
    func wait(_ what: String, within limit: Duration, until condition: () -> Bool) throws(ScenarioFailure)

    /// Sockets of the telephone with that number (each has an address of its own): one, or an even port and the next.
    /// `sink` gets what arrives, where from, and at which of them.
    func open(
        _ count: Int, of telephone: Int, _ sink: @escaping ([UInt8], Endpoint, Int) -> Void
    ) throws(ScenarioFailure) -> Endpoint
    func close(_ endpoint: Endpoint, _ count: Int)
    func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint)

    /// Starts the appliance with that configuration (YAML, without listeners and media addresses, which the stage adds).
    func raise(_ configuration: String) throws(ScenarioFailure)
    /// What the appliance has written down of its calls.
    func records() throws(ScenarioFailure) -> [StageRecord]
    /// After all have hung up: nothing is left of any call. The stage is over then.
    func comeToRest() throws(ScenarioFailure)
}

/// What a scenario looks at of a call record.
package struct StageRecord: Sendable, Equatable, Codable {
    package var userNumber: String
    package var connectedUserNumber: String
    package var groupNumber: String
    package var externalPhoneNumber: String
    package var direction: String
    package var success: Bool

    package init(
        userNumber: String, connectedUserNumber: String, groupNumber: String, externalPhoneNumber: String,
        direction: String, success: Bool
    ) {
        self.userNumber = userNumber
        self.connectedUserNumber = connectedUserNumber
        self.groupNumber = groupNumber
        self.externalPhoneNumber = externalPhoneNumber
        self.direction = direction
        self.success = success
    }
}
