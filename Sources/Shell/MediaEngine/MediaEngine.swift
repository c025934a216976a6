import CSockets
import Glibc
package import Media
import OpenSSLCrypto
import OpusCodec
package import Primitives
package import RTP
import Synchronization

/// The media workers: threads with their own sockets around the core's `MediaGraph`.
///
/// Commands go in by `submit` from any thread; events come out through the callback, on a worker's thread (or, when the
/// mailbox is full, on the submitting one): hand them on, do not work in it. A session is on one worker at a time:
/// commands say which (`WorkerRoutes`).
package final class MediaEngine: Sendable {
    /// How many commands may wait for each worker.
    package static let waitingCommands = Mailbox.capacity

    private let workers: [MediaWorker]
    private let shared: EngineShared
    private let isFilledInTurn: Bool
    /// Under its lock commands are routed and posted, so that they keep their order on the way to whoever has the session.
    private let routes: Mutex<WorkerRoutes>
    private let onEvent: @Sendable (MediaEvent) -> Void
    private let threads: Mutex<[pthread_t]>

    /// Starts the threads. RTP gets the even ports of `ports`, RTCP the odd ones above.
    ///
    /// - Parameters:
    ///   - opusComplexity: 0...10; nil: the best with which `Calibration.transcodedCalls` calls fit into the budget.
    ///   - share: of the cores, in per cent: what media may take before calls are refused.
    ///   - costs: what media cost here; nil: they are measured, which takes `Calibration.limit` of processor time.
    ///   - codecs: nil for libopus and the core's own.
    ///   - workers: nil: one for each core.
    ///   - isFilledInTurn: a worker is filled before the next one takes sessions (`WorkerShares`); else names spread them.
    ///   - isRealtime: the threads ask for real-time priority; without the permission to have it they run as others do.
    ///   - protection: nil for SRTP on libcrypto.
    ///   - keying: for keys by DTLS, with the certificate whose fingerprint the signalling gives; nil: no DTLS.
    ///   - entropy: seeds the SSRCs and first sequence numbers of each worker, and says which ports come first.
    package init(
        address: IPAddress, ports: ClosedRange<UInt16>, sessionsLimit: Int, opusComplexity: Int? = 5,
        share: Int = 70, costs: MediaCosts? = nil, codecs: (any CodecFactory)? = nil,
        protection: (any PacketProtection)? = nil, keying: (any KeyAgreementFactory)? = nil,
        limits: Limits = Limits(), workers count: Int? = 1, isFilledInTurn: Bool = false, isRealtime: Bool = false,
        entropy: Entropy,
        onEvent: @escaping @Sendable (MediaEvent) -> Void
    ) throws(MediaEngineError) {
        var entropy = entropy
        let cores = max(1, Int(csockets_cores()))
        let count = count ?? cores
        let budget = MediaBudget(cores: cores, percent: share)
        let protection = protection ?? OpenSSLPacketProtection()
        let machine = Self.measure(
            costs, codecs, protection, complexity: opusComplexity, capacity: budget.capacity)
        let codecs = codecs ?? Self.library(machine.complexity)
        // A session takes the ports of two pairs.
        let shares = WorkerShares(workers: count, sessionsEach: ports.count / (4 * max(1, count)))
        let shared = EngineShared(
            sessionsLimit: sessionsLimit, costs: machine.costs, budget: budget, shares: shares)
        var workers: [MediaWorker] = []
        var mailboxes: [Mailbox] = []
        for _ in 0..<max(1, count) { mailboxes.append(try Mailbox(sessionsLimit: sessionsLimit)) }
        for index in mailboxes.indices {
            guard let pool = PortPool(range: ports, worker: index, of: max(1, count), from: entropy.next())
            else {
                throw .noPortPair(ports, workers: max(1, count))
            }
            // A generator each: the one given may not be shared between threads. SSRCs are no secrets.
            let own = Entropy(SeededGenerator(seed: entropy.next()))
            let graph = MediaGraph(
                codecs: codecs, protection: protection, keying: keying, limits: limits, entropy: own)
            let batch = PacketBatch(packetBytes: limits.rtpPacketBytes)
            let handles = try MediaLoop.Handles(
                mailbox: mailboxes[index], packetBytes: limits.rtpPacketBytes, sentAtOnce: batch.capacity)
            let loop = MediaLoop(
                index: index, mailboxes: mailboxes, address: address, pool: pool, graph: graph, batch: batch,
                handles: handles,
                shared: shared, onEvent: onEvent)
            workers.append(MediaWorker(mailbox: mailboxes[index], shared: shared, isRealtime: isRealtime, loop: loop))
        }
        self.workers = workers
        self.isFilledInTurn = isFilledInTurn
        routes = Mutex(WorkerRoutes(workers: workers.count))
        self.shared = shared
        self.opusComplexity = machine.complexity
        self.onEvent = onEvent
        var started: [pthread_t] = []
        for worker in workers {
            switch Self.start(worker) {
            case .success(let thread): started.append(thread)
            case .failure(let error):
                for worker in workers { worker.mailbox.shut() }
                for thread in started { pthread_join(thread, nil) }
                throw error
            }
        }
        threads = Mutex(started)
    }

    deinit { shutdown() }

    /// Hands a command to the session's worker, or that of the room; a session that joins a room elsewhere is handed over
    /// first. When the mailbox is full, or the engine shut down, the answer is `.failed` with `ENOBUFS`, at once.
    package func submit(_ command: MediaCommand) {
        let answer: MediaEvent? = routes.withLock { routes in
            for step in routes.route(command, newOn: isFilledInTurn ? shared.nextWorker : nil) {
                switch step {
                case .move(let id, let from, let to):
                    _ = workers[to].mailbox.post(.expect(id))
                    _ = workers[from].mailbox.post(.handOver(id, to: to))
                case .post(let worker):
                    guard !workers[worker].mailbox.post(.command(command)) else { continue }
                    shared.countRefusedCommand()
                    return command.session.map { .failed($0, .socket(errno: ENOBUFS)) }
                case .refuse(let id, let refusal): return .refused(id, refusal)
                }
            }
            return nil
        }
        if let answer { onEvent(answer) }
    }

    /// Closes every session (each reports `.closed`) and waits for the threads to end. Not from within the callback.
    package func shutdown() {
        for worker in workers { worker.mailbox.shut() }
        let joined = threads.withLock { threads in
            let all = threads
            threads = []
            return all
        }
        for thread in joined { pthread_join(thread, nil) }
    }

    package var counters: MediaEngineCounters {
        var counters = shared.counters
        counters.workers = workers.count
        return counters
    }

    /// What media were found to cost on this machine.
    package var costs: MediaCosts { shared.costs }
    /// Of the Opus encoders, as given or as chosen.
    package let opusComplexity: Int

    private static func library(_ complexity: Int) -> any CodecFactory {
        LibraryCodecs(opus: OpusEncoder.Options(complexity: complexity))
    }

    private static func measure(
        _ costs: MediaCosts?, _ codecs: (any CodecFactory)?, _ protection: any PacketProtection, complexity: Int?,
        capacity: Duration
    ) -> (costs: MediaCosts, complexity: Int) {
        let usual = 5
        if let costs { return (costs, complexity ?? usual) }
        let calibration = Calibration()
        var found = calibration.costs(codecs: codecs ?? library(complexity ?? usual), protection: protection)
        guard codecs == nil, complexity == nil else { return (found, complexity ?? usual) }
        let chosen = calibration.complexity(for: capacity, beside: found) { library($0) }
        found.encode.opus = chosen.encode
        return (found, chosen.complexity)
    }

    private static func start(_ worker: MediaWorker) -> Result<pthread_t, MediaEngineError> {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(worker)
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let worker = Unmanaged<MediaWorker>.fromOpaque(context).takeRetainedValue()
                csockets_name_thread("media")
                if worker.isRealtime, csockets_realtime(MediaWorker.realtimePriority) >= 0 { worker.noteRealtime() }
                worker.run()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return .failure(.system(call: "pthread_create", errno: status))
        }
        return .success(thread)
    }
}
