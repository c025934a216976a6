import Dispatch
import HAL
package import Logging
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// One appliance as a process: threads, signals, the ready line, and the end.
package struct ApplianceProcess: Sendable {
    /// How long running calls may go on after SIGTERM.
    package static let drainLimit = Duration.seconds(30)

    private let options: ApplianceOptions
    private let logger: Logger
    /// Tells the service manager (`READY=1`, `STOPPING=1`).
    private let notify: @Sendable (String) -> Void

    package init(options: ApplianceOptions, logger: Logger, notify: @escaping @Sendable (String) -> Void) {
        self.options = options
        self.logger = logger
        self.notify = notify
    }

    /// Serves until SIGTERM or SIGINT, drains, and returns. A second signal ends the process at once.
    package func run() async throws(ApplianceError) {
        umask(0o077)
        MemoryDumps.forbid()
        let signals = TerminationSignals()
        // One control loop; two threads for what blocks (DESIGN.md section 2).
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        let running = try await Appliance.start(options, group: group, pool: pool, logger: logger)
        announce(running.ready)
        notify("READY=1")
        await signals.first()
        notify("STOPPING=1")
        logger.notice("terminating: running calls may go on for \(Self.drainLimit.components.seconds) s")
        await running.appliance.drain(within: Self.drainLimit)
        await running.stop()
        try? await pool.shutdownGracefully()
        try? await group.shutdownGracefully()
    }

    private func announce(_ ready: ReadyLine) {
        var line = Array("\(ready.json)\n".utf8)[...]
        while !line.isEmpty {
            let count = line.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { return }
            line = line.dropFirst(max(0, count))
        }
    }
}

/// SIGTERM and SIGINT as an event; the second one exits.
///
/// `@unchecked Sendable`: nothing changes after `init`.
private final class TerminationSignals: @unchecked Sendable {
    private let stream: AsyncStream<Void>
    private let sources: [any DispatchSourceSignal]

    init() {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        self.stream = stream
        let queue = DispatchQueue(label: "signals")
        let count = SignalCount()
        signal(SIGPIPE, SIG_IGN)
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                count.value += 1
                if count.value > 1 { exit(128 + number) }
                continuation.yield()
            }
            source.resume()
            return source
        }
    }

    func first() async {
        for await _ in stream { return }
    }

    /// `@unchecked Sendable`: touched on the one serial signal queue only.
    private final class SignalCount: @unchecked Sendable {
        var value = 0
    }
}
