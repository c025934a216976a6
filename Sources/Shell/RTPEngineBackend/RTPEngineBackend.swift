import CSockets
import Glibc
package import Media
package import Primitives
package import RTPEngine
import Synchronization

/// rtpengine, which runs beside the appliance, as the media backend: a thread with one UDP socket around the core's
/// `RelayController`.
///
/// The control port is a local service of the owner's: what goes there is neither encrypted nor authenticated. From any
/// other address than the configured one nothing is believed, and SRTP keys go to a loopback address only.
package final class RTPEngineBackend: MediaBackend {
    package struct Options: Sendable {
        /// rtpengine's `--listen-ng`.
        package var control: Endpoint
        /// Where it carries media: only the family counts.
        package var address: IPAddress
        package var sessionsLimit: Int
        package var limits = Limits()

        package init(control: Endpoint, address: IPAddress, sessionsLimit: Int) {
            self.control = control
            self.address = address
            self.sessionsLimit = sessionsLimit
        }
    }

    private let worker: RelayWorker
    private let onEvent: @Sendable (MediaEvent) -> Void
    private let thread: Mutex<pthread_t?>

    /// Starts the thread. rtpengine need not run yet: until it answers, sessions fail with `.relayUnreachable`.
    ///
    /// - Parameters:
    ///   - entropy: names the appliance's calls there, and its requests.
    ///   - onHealth: told each time that rtpengine begins or ceases to answer, on the thread.
    package init(
        _ options: Options, entropy: Entropy, onHealth: @escaping @Sendable (RelayHealth) -> Void = { _ in },
        onEvent: @escaping @Sendable (MediaEvent) -> Void
    ) throws(RTPEngineBackendError) {
        let worker = try RelayWorker(options, entropy: entropy, onHealth: onHealth, onEvent: onEvent)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(worker)
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let worker = Unmanaged<RelayWorker>.fromOpaque(context).takeRetainedValue()
                csockets_name_thread("rtpengine")
                worker.run()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            throw .system(call: "pthread_create", errno: status)
        }
        self.worker = worker
        self.onEvent = onEvent
        self.thread = Mutex(thread)
    }

    deinit { shutdown() }

    package func submit(_ command: MediaCommand) {
        guard !worker.commands.post(command) else { return }
        worker.countRefusedCommand()
        if let id = command.session { onEvent(.failed(id, .socket(errno: ENOBUFS))) }
    }

    package func shutdown() {
        worker.commands.shut()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let running { pthread_join(running, nil) }
    }

    package var load: MediaLoad? { nil }
    package var troubles: [MediaTrouble] { worker.troubles }
}

/// Why the backend could not be started.
package enum RTPEngineBackendError: Error, Hashable, Sendable {
    case system(call: String, errno: Int32)
}

extension RTPEngineBackendError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .system(let call, let errno):
            "media backend rtpengine: \(call) failed with errno \(errno); check the limits on files, threads and memory"
        }
    }
}
