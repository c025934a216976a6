import Glibc
import HAL
import HALLinux
import OpenSSLCrypto
import Primitives
import Telemetry
import Testing

struct LinuxDevicesTests {
    private let directory = TemporaryDirectory()

    private func writeProc(stat: String, meminfo: String = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n")
        throws
    {
        for (name, text) in [("stat", stat), ("meminfo", meminfo), ("uptime", "12.5 3.0\n")] {
            try PrivateFile.replace("\(directory.path)/\(name)", with: Array(text.utf8))
        }
    }

    private func monitor() -> ProcMonitor {
        ProcMonitor(fileSystemPath: directory.path, procDirectory: directory.path)
    }

    @Test func `load is counted since the previous sample`() throws {
        let monitor = monitor()
        try writeProc(stat: "cpu  10 0 10 60 20 0 0 0 5 5\ncpu0 1 1 1 1\n")
        let first = try monitor.sample()
        #expect(first.cpuUtilization == 0.2)
        #expect(first.memoryTotalBytes == 1_024_000 && first.memoryUsedBytes == 614_400)
        #expect(first.uptimeSeconds == 12.5)
        try writeProc(stat: "cpu  85 0 10 85 20 0 0 0 5 5\n")
        #expect(try monitor.sample().cpuUtilization == 0.75)
        #expect(try monitor.sample().cpuUtilization == 0, "nothing has passed")
        try writeProc(stat: "cpu  1 0 1 1 1 0 0 0\n")
        #expect(try monitor.sample().cpuUtilization == 0, "counters began anew")
    }

    @Test(arguments: [
        ("", "MemTotal: 1 kB\nMemFree: 1 kB\n"), ("cpu 1 2\n", "MemTotal: 1 kB\nMemFree: 1 kB\n"),
        ("cpu 1 1 1 1 1\n", "x"),
    ])
    func `what the kernel would never say is an error, not a crash`(stat: String, meminfo: String) throws {
        try writeProc(stat: stat, meminfo: meminfo)
        let error = HALError.thrown { _ = try monitor().sample() }
        #expect(error?.description.contains(directory.path) == true)
        #expect(throws: HALError.self) {
            try ProcMonitor(fileSystemPath: "/", procDirectory: "\(directory.path)/none").sample()
        }
    }

    @Test func `a kick reaches the service manager's socket`() throws {
        let path = "\(directory.path)/notify"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        let watchdog = ServiceWatchdog(notifier: ServiceNotifier(socketPath: path), microseconds: "2000000")
        #expect(watchdog.period == .seconds(2))
        watchdog.kick()
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "WATCHDOG=1")
    }

    @Test func `without a service manager nothing bites`() {
        let watchdog = ServiceWatchdog(notifier: nil, microseconds: nil)
        watchdog.kick()
        #expect(watchdog.period == ServiceWatchdog.defaultPeriod)
        #expect(ServiceWatchdog(notifier: nil, microseconds: "-1").period == ServiceWatchdog.defaultPeriod)
        #expect(!ServiceNotifier(socketPath: "\(directory.path)/nobody").send("READY=1"))
        #expect(!ServiceNotifier(socketPath: "").send("READY=1"))
        #expect(!ServiceNotifier(socketPath: String(repeating: "x", count: 200)).send("READY=1"))
    }
}
