import Glibc
package import HAL
import OpenSSLCrypto
import Synchronization
package import Telemetry

/// Processor, memory, file system and uptime as the kernel counts them (proc(5), statvfs(3)).
package final class ProcMonitor: SystemMonitor {
    private struct ProcessorTicks: Sendable {
        var busy: UInt64 = 0
        var total: UInt64 = 0
    }

    private let fileSystemPath: String
    private let procDirectory: String
    private let previous = Mutex(ProcessorTicks())

    /// `procDirectory` is another place for tests.
    package init(fileSystemPath: String, procDirectory: String = "/proc") {
        self.fileSystemPath = fileSystemPath
        self.procDirectory = procDirectory
    }

    /// The first sample's processor load is the average since boot.
    package func sample() throws(HALError) -> SystemSample {
        let memory = try memory()
        let uptime = try text("uptime").split(separator: " ").first.flatMap { Double($0) }
        guard let uptime else { throw .damaged(path: "\(procDirectory)/uptime", reason: "no number") }
        var status = statvfs()
        guard statvfs(fileSystemPath, &status) == 0 else {
            throw .readFailed(path: fileSystemPath, reason: String(cString: strerror(errno)))
        }
        let blockBytes = Int64(status.f_frsize)
        return SystemSample(
            cpuUtilization: try processorLoad(), memoryUsedBytes: memory.total - memory.available,
            memoryTotalBytes: memory.total,
            fileSystemUsedBytes: (Int64(status.f_blocks) - Int64(status.f_bfree)) * blockBytes,
            fileSystemTotalBytes: Int64(status.f_blocks) * blockBytes, uptimeSeconds: uptime)
    }

    private func processorLoad() throws(HALError) -> Double {
        let line = try text("stat").split(separator: "\n").first { $0.hasPrefix("cpu ") } ?? ""
        // user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user already.
        let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { UInt64($0) }
        guard ticks.count >= 5 else { throw .damaged(path: "\(procDirectory)/stat", reason: "no line 'cpu'") }
        let total = ticks.reduce(0, &+)
        let current = ProcessorTicks(busy: total &- ticks[3] &- ticks[4], total: total)
        return previous.withLock { previous in
            defer { previous = current }
            guard current.total > previous.total, current.busy >= previous.busy else { return 0 }
            return min(1, Double(current.busy - previous.busy) / Double(current.total - previous.total))
        }
    }

    private func memory() throws(HALError) -> (total: Int64, available: Int64) {
        var values: [Substring: Int64] = [:]
        for line in try text("meminfo").split(separator: "\n") {
            let parts = line.split(whereSeparator: { $0 == " " || $0 == ":" })
            if parts.count >= 2, let kibibytes = Int64(parts[1]), kibibytes < 1 << 50 {
                values[parts[0]] = kibibytes * 1024
            }
        }
        guard let total = values["MemTotal"], let available = values["MemAvailable"] ?? values["MemFree"] else {
            throw .damaged(path: "\(procDirectory)/meminfo", reason: "MemTotal or MemAvailable is missing")
        }
        return (total, min(available, total))
    }

    private func text(_ name: String) throws(HALError) -> String {
        let path = "\(procDirectory)/\(name)"
        do { return String(decoding: try PrivateFile.read(path, limit: 1 << 20), as: UTF8.self) } catch {
            throw .readFailed(path: path, reason: error.reason)
        }
    }
}
