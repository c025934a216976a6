package import OpenSSLCrypto
package import Primitives
package import Simulation

/// A stage in the real world: the clock on the wall, sockets on loopback, and a `pbxd` of its own that is started with the
/// scenario's configuration and ended after it.
///
/// Each telephone has an address of its own (127.0.0.21 and on), as on a LAN. The appliance is asked for its records
/// over its administration socket.
package final class LiveStage: Stage {
    package struct Plan: Sendable {
        /// The program.
        package var pbxd: String
        /// A directory of its own, which must not be there yet.
        package var directory: String
        /// RTP ports of the appliance: so many from here on.
        package var firstPort: UInt16
        package var portCount: UInt16

        package init(pbxd: String, directory: String, firstPort: UInt16, portCount: UInt16 = 60) {
            self.pbxd = pbxd
            self.directory = directory
            self.firstPort = firstPort
            self.portCount = portCount
        }
    }

    private static let firstTelephone: UInt32 = 0x7F00_0015
    private let plan: Plan
    private let network = LiveNetwork()
    private var queue = EventQueue()
    private var process: ApplianceProcess?
    package let hashes = OpenSSLHashes()
    package private(set) var applianceEndpoint = Endpoint(address: .loopbackV4, port: 0)
    /// What has happened, for who asks why.
    package private(set) var story: [String] = []
    private let began: Instant

    package init(_ plan: Plan) {
        self.plan = plan
        began = network.now
    }

    package var now: Instant { network.now }
    package var patience: Duration { .seconds(20) }
    package var violation: ScenarioFailure? {
        guard let process, !process.isRunning else { return nil }
        return ScenarioFailure("pbxd has ended by itself", at: now)
    }

    package func fork() -> Entropy { Entropy(SystemRandomNumberGenerator()) }

    package func note(_ text: @autoclosure () -> String) {
        story.append("\((now - began).wholeMilliseconds) ms \(text())")
    }

    // MARK: Time

    package func after(_ delay: Duration, _ action: @escaping () -> Void) {
        queue.schedule(at: now + max(delay, .zero), action)
    }

    package func advance(_ duration: Duration) {
        let end = now + duration
        while now < end { step(until: end) }
    }

    package func wait(
        _ what: String, within limit: Duration, until condition: () -> Bool
    ) throws(ScenarioFailure) {
        let end = now + limit
        while !condition() {
            guard now < end else {
                throw ScenarioFailure("\(what): not within \(limit.wholeMilliseconds) ms", at: now)
            }
            step(until: end)
        }
    }

    /// What is due happens; else the next datagram, or the next thing that is due.
    private func step(until end: Instant) {
        if let due = queue.nextInstant, due <= now {
            queue.popFirst()?.action()
            network.deliver(within: 0)
            return
        }
        let pause = (min(end, queue.nextInstant ?? end) - now).wholeNanoseconds
        network.deliver(within: Int32(clamping: max(0, min(pause / 1_000_000 + 1, 50))))
    }

    // MARK: Network

    package func open(
        _ count: Int, of telephone: Int, _ sink: @escaping ([UInt8], Endpoint, Int) -> Void
    ) throws(ScenarioFailure) -> Endpoint {
        let address = IPAddress.v4(Self.firstTelephone + UInt32(telephone))
        for _ in 0..<50 {
            let first = network.bind(Endpoint(address: address, port: 0)) { sink($0, $1, 0) }
            guard let first else { break }
            guard count > 1 else { return first }
            let second = Endpoint(address: address, port: first.port &+ 1)
            if first.port % 2 == 0, network.bind(second, { sink($0, $1, 1) }) != nil { return first }
            network.close(first)
        }
        throw ScenarioFailure("no socket for telephone \(telephone)", at: now)
    }

    package func close(_ endpoint: Endpoint, _ count: Int) {
        for offset in 0..<count {
            network.close(Endpoint(address: endpoint.address, port: endpoint.port + UInt16(offset)))
        }
    }

    package func send(_ bytes: [UInt8], from source: Endpoint, to destination: Endpoint) {
        network.send(bytes, from: source, to: destination)
    }

    // MARK: Appliance

    package func raise(_ configuration: String) throws(ScenarioFailure) {
        let own = """
            sip:
              listen: [ { transport: udp, address: 127.0.0.1, port: 0 } ]
              realm: pbx.example
            media: { address: 127.0.0.1, ports: \(plan.firstPort)-\(plan.firstPort + plan.portCount - 1) }

            """
        let process: ApplianceProcess
        do {
            process = try ApplianceProcess(
                program: plan.pbxd, directory: plan.directory, configuration: own + configuration)
        } catch { throw ScenarioFailure(error.text, at: now) }
        self.process = process
        try wait("pbxd is ready", within: .seconds(60)) { process.listener != nil || !process.isRunning }
        guard let listener = process.listener else { throw ScenarioFailure("pbxd ended before it served", at: now) }
        applianceEndpoint = listener
        note("pbxd \(process.pid) serves at \(listener)")
    }

    package func records() throws(ScenarioFailure) -> [StageRecord] {
        do { return try administration().records() } catch { throw ScenarioFailure(error.text, at: now) }
    }

    /// No call is left, and the appliance ends as it should.
    package func comeToRest() throws(ScenarioFailure) {
        var calls = -1
        for _ in 0..<50 where calls != 0 {
            do { calls = try administration().calls() } catch { throw ScenarioFailure(error.text, at: now) }
            if calls > 0 { advance(.milliseconds(100)) }
        }
        guard calls == 0 else { throw ScenarioFailure("\(calls) calls are left", at: now) }
        guard let process else { return }
        self.process = nil
        process.terminate()
        try wait("pbxd has ended", within: .seconds(20)) { !process.isRunning }
        guard process.status == 0 else {
            throw ScenarioFailure("pbxd ended with status \(process.status ?? -1)", at: now)
        }
    }

    /// Ends what is left of a stage whose scenario failed; the end of the appliance's log.
    package func strike() -> [String] {
        guard let process else { return ApplianceProcess.tail(of: plan.directory, lines: 15) }
        self.process = nil
        process.kill()
        return ApplianceProcess.tail(of: plan.directory, lines: 15)
    }

    private func administration() -> Administration { Administration(directory: plan.directory) }
}
