import CAres
import CSockets
import Glibc
package import Primitives
package import ServerLocation
import Synchronization

/// Puts queries to the name servers (c-ares) on a thread of its own.
///
/// The servers are those of /etc/resolv.conf, read again when it changes, unless others are named; names in /etc/hosts
/// come first. Each query gets exactly one outcome through the callback, on the resolver's thread or on the caller's:
/// hand it on, do not work in it. Nothing is kept: `ServerLocation` has the cache.
package final class NameResolver: Sendable {
    package struct Options: Sendable {
        /// Empty: what /etc/resolv.conf says.
        package var servers: [Endpoint] = []
        /// Of the first attempt; later ones wait longer.
        package var timeout = Duration.seconds(2)
        /// At each server.
        package var tries = 2
        package var hostsPath = "/etc/hosts"
        package var limits = Limits()

        package init() {}
    }

    private let mailbox: QueryMailbox
    private let answer: @Sendable (DNSQuery, DNSOutcome) -> Void
    private let thread: Mutex<pthread_t?>

    package init(
        _ options: Options = Options(), answer: @escaping @Sendable (DNSQuery, DNSOutcome) -> Void
    ) throws(NameResolverError) {
        // Counts its callers; on Linux it does nothing, and is never undone.
        let status = ares_library_init(Int32(ARES_LIB_INIT_ALL))
        guard status == shim_cares_success else { throw .library(reason: String(cString: ares_strerror(status))) }
        let mailbox = try QueryMailbox(limit: options.limits.dnsQueries)
        let worker = ResolverWorker(options, mailbox: mailbox, answer: answer)
        var thread = pthread_t()
        let context = Unmanaged.passRetained(worker)
        let created = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                let worker = Unmanaged<ResolverWorker>.fromOpaque(context).takeRetainedValue()
                csockets_name_thread("names")
                worker.run()
                return nil
            }, context.toOpaque())
        guard created == 0 else {
            context.release()
            throw .system(call: "pthread_create", errno: created)
        }
        self.mailbox = mailbox
        self.answer = answer
        self.thread = Mutex(thread)
    }

    deinit { shutdown() }

    /// Asks. With `Limits.dnsQueries` under way, or after `shutdown`, the outcome is a failure, at once.
    package func resolve(_ query: DNSQuery) {
        switch mailbox.post(query) {
        case .posted: break
        case .full: answer(query, .failed(.overloaded))
        case .shut: answer(query, .failed(.noResolver))
        }
    }

    /// Ends the thread; what is under way ends in `.noResolver`. Not from within the callback.
    package func shutdown() {
        mailbox.shut()
        let joined = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let joined { pthread_join(joined, nil) }
    }
}

/// Why there can be no resolver.
package enum NameResolverError: Error, Sendable, Hashable {
    case library(reason: String)
    case system(call: String, errno: Int32)
}

extension NameResolverError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .library(let reason): "the resolver library cannot be used: \(reason)"
        case .system(let call, let errno):
            "no thread for the resolver: \(call) failed with \(errno) (\(String(cString: strerror(errno)))); "
                + "raise the limits on open files and processes"
        }
    }
}
