#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A dying process says nothing of what it held (X16): a core file is all of its memory, and a backtrace of the Swift runtime
/// shows what the registers point at, which is numbers, names and keys.
enum MemoryDumps {
    /// Whoever debugs sets `SWIFT_BACKTRACE`, and gets what was asked for.
    static func forbid() {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        #if canImport(Glibc)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        #else
        setrlimit(RLIMIT_CORE, &limit)
        #endif
        guard getenv("SWIFT_BACKTRACE") == nil else { return }
        for number in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(number, SIG_DFL) }
    }
}
