import CAres
import Glibc
import Primitives
import ServerLocation

/// The resolver's thread: one c-ares channel, its sockets and the mailbox in one `poll`.
///
/// Confined to that thread from `run` on.
final class ResolverWorker {
    private let options: NameResolver.Options
    private let mailbox: QueryMailbox
    private let answer: @Sendable (DNSQuery, DNSOutcome) -> Void
    private var channel: ares_channel?
    /// What c-ares wants to know of each of its sockets.
    private var watched: [Int32: Int16] = [:]
    private var underWay = 0
    private var hosts: HostsFile
    private var configuration = WatchedFile("/etc/resolv.conf")

    /// RFC 9715: what passes everywhere without fragments.
    private static let udpBytes: Int32 = 1232

    init(
        _ options: NameResolver.Options, mailbox: QueryMailbox,
        answer: @escaping @Sendable (DNSQuery, DNSOutcome) -> Void
    ) {
        self.options = options
        self.mailbox = mailbox
        self.answer = answer
        hosts = HostsFile(options.hostsPath)
    }

    func run() {
        var isShut = false
        while !isShut {
            let taken = mailbox.take()
            isShut = taken.isShut
            for query in taken.queries {
                if isShut { finish(query, .failed(.noResolver)) } else { start(query) }
            }
            if !isShut { wait() }
        }
        // Every query under way is told.
        if let channel { ares_destroy(channel) }
        channel = nil
    }

    private func start(_ query: DNSQuery) {
        guard DNSName.isAskable(query.name) else { return finish(query, .noSuchName(timeToLive: nil)) }
        if let known = hosts.outcome(of: query) { return finish(query, known) }
        guard let channel = currentChannel() else { return finish(query, .failed(.noResolver)) }
        underWay += 1
        let context = Unmanaged.passRetained(QueryContext(worker: self, query: query))
        // 1 is the Internet's class. The callback comes exactly once, perhaps before this returns.
        ares_query(
            channel, query.name, 1, Int32(query.type.rawValue),
            { context, status, _, bytes, count in
                guard let context else { return }
                let query = Unmanaged<QueryContext>.fromOpaque(context).takeRetainedValue()
                query.worker.answered(
                    query.query, status: status, UnsafeBufferPointer(start: bytes, count: max(0, Int(count))))
            }, context.toOpaque())
    }

    private func answered(_ query: DNSQuery, status: Int32, _ bytes: UnsafeBufferPointer<UInt8>) {
        underWay -= 1
        finish(query, Self.outcome(of: query, status: status, bytes, limits: options.limits))
    }

    private func finish(_ query: DNSQuery, _ outcome: DNSOutcome) {
        mailbox.finished()
        answer(query, outcome)
    }

    private static func outcome(
        of query: DNSQuery, status: Int32, _ bytes: UnsafeBufferPointer<UInt8>, limits: Limits
    ) -> DNSOutcome {
        switch status {
        case shim_cares_success: return DNSMessage.outcome(of: bytes, for: query, limits: limits)
        case shim_cares_no_data, shim_cares_not_found:
            // With the message, it says for how long.
            if !bytes.isEmpty { return DNSMessage.outcome(of: bytes, for: query, limits: limits) }
            return status == shim_cares_no_data ? .noRecords(timeToLive: nil) : .noSuchName(timeToLive: nil)
        case shim_cares_server_failed, shim_cares_not_implemented: return .failed(.serverFailed)
        case shim_cares_refused: return .failed(.refused)
        case shim_cares_timed_out: return .failed(.timedOut)
        case shim_cares_unreachable: return .failed(.unreachable)
        case shim_cares_destroyed, shim_cares_cancelled: return .failed(.noResolver)
        case shim_cares_no_memory: return .failed(.overloaded)
        default: return .failed(.malformed)
        }
    }

    // MARK: - Sockets

    private func wait() {
        var polled = [pollfd(fd: mailbox.eventfd, events: Int16(POLLIN), revents: 0)]
        for (socket, events) in watched { polled.append(pollfd(fd: socket, events: events, revents: 0)) }
        let count = poll(&polled, nfds_t(polled.count), channel.map { shim_cares_timeout($0) } ?? -1)
        guard let channel else { return }
        if count <= 0 { ares_process_fd(channel, -1, -1) }
        for entry in polled.dropFirst() where entry.revents != 0 {
            // An error is found by reading or writing, whichever is wanted.
            let isBroken = entry.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0
            let canRead = entry.revents & Int16(POLLIN) != 0 || isBroken && entry.events & Int16(POLLIN) != 0
            let canWrite = entry.revents & Int16(POLLOUT) != 0 || isBroken && entry.events & Int16(POLLOUT) != 0
            ares_process_fd(channel, canRead ? entry.fd : -1, canWrite ? entry.fd : -1)
        }
    }

    private func watch(_ socket: Int32, reads: Bool, writes: Bool) {
        let events = (reads ? Int16(POLLIN) : 0) | (writes ? Int16(POLLOUT) : 0)
        watched[socket] = events == 0 ? nil : events
    }

    /// The channel, made anew when /etc/resolv.conf has changed and nothing is under way.
    private func currentChannel() -> ares_channel? {
        if options.servers.isEmpty, underWay == 0, configuration.hasChanged(), let old = channel {
            ares_destroy(old)
            channel = nil
        }
        if let channel { return channel }
        let milliseconds = Int32(clamping: max(1, options.timeout.wholeMilliseconds))
        let status = shim_cares_create(
            &channel, milliseconds, Int32(clamping: max(1, options.tries)), Self.udpBytes,
            { context, socket, reads, writes in
                guard let context else { return }
                let worker = Unmanaged<ResolverWorker>.fromOpaque(context).takeUnretainedValue()
                worker.watch(socket, reads: reads != 0, writes: writes != 0)
            }, Unmanaged.passUnretained(self).toOpaque())
        guard status == shim_cares_success, let made = channel else {
            channel = nil
            return nil
        }
        if !options.servers.isEmpty {
            let list = options.servers.map(\.description).joined(separator: ",")
            guard ares_set_servers_ports_csv(made, list) == shim_cares_success else {
                ares_destroy(made)
                channel = nil
                return nil
            }
        }
        return made
    }

    private final class QueryContext {
        let worker: ResolverWorker
        let query: DNSQuery

        init(worker: ResolverWorker, query: DNSQuery) {
            self.worker = worker
            self.query = query
        }
    }
}
