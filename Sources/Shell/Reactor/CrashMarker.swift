package import CloudMessages
import CloudWire
package import OpenSSLCrypto
package import Primitives
import SQLiteStore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How a crash is noticed, and what is kept of it (F-S10).
///
/// While the appliance runs, a file says so; an orderly end removes it. A start that finds it, written since the machine came
/// up, makes a report of it: a power cut is not a crash. The file holds what a report may say and nothing else, because it is
/// written before anything has happened: neither stack nor memory nor signal can get into it. No core file is written.
package struct CrashMarker: Sendable {
    private struct File: Codable {
        var make: String
        var model: String
        var codename: String
        var osVersion: String
        var language: String
        var appVersion: String
        var appName: String
        var startTime: String
        /// Of this run of the machine; never leaves the file.
        var boot: String
    }

    static let appName = "pbxd"
    static let make = "pbx-appliance"

    private let path: String
    private let directory: String

    package init(dataDirectory: String) {
        path = "\(dataDirectory)/running.json"
        directory = "\(dataDirectory)/crashes"
    }

    /// Makes a report of a former run that ended without saying so, and marks this one. Returns the reports, oldest first.
    package func begin(
        model: String, codename: String, version: String, at wall: UnixTime, boot: String? = nil
    ) throws(FileFailure) -> [CrashReport] {
        let boot = boot ?? Self.machineRun()
        try PrivateFile.makeDirectory(directory)
        if let former = read(), former.boot == boot, !boot.isEmpty { try keep(former, at: wall) }
        let file = File(
            make: Self.make, model: model, codename: codename, osVersion: Self.systemVersion(),
            language: Self.language(), appVersion: version, appName: Self.appName, startTime: wall.rfc3339, boot: boot)
        try write(file, to: path)
        return reports()
    }

    /// The run still goes on: a crash happens on this day, or later.
    func touch() { utimensat(AT_FDCWD, path, nil, 0) }

    /// An orderly end: nothing is left to report.
    package func end() { try? PrivateFile.remove(path) }

    package func remove(_ id: String) throws(FileFailure) {
        guard WireLimits().isIdentifier(id) else { return }
        try PrivateFile.remove("\(directory)/\(id).json")
    }

    private func reports() -> [CrashReport] {
        DirectoryNames.list(directory).filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
            guard let file = read("\(directory)/\(name)"), let start = RFC3339.parse(file.startTime) else { return nil }
            let id = String(name.dropLast(5))
            guard let day = RFC3339.parse("\(id.prefix(10))T00:00:00Z") else { return nil }
            return CrashReport(
                id: id, make: file.make, model: file.model, codename: file.codename, osVersion: file.osVersion,
                language: file.language, appVersion: file.appVersion, appName: file.appName, startTime: start,
                crashDay: day)
        }
    }

    /// Named after the day and a number, `2026-01-02-1`.
    private func keep(_ former: File, at wall: UnixTime) throws(FileFailure) {
        var former = former
        former.boot = ""
        var status = stat()
        let seconds = stat(path, &status) == 0 ? Int64(status.st_mtim.tv_sec) : wall.seconds
        let day = UnixTime(seconds: seconds).rfc3339.prefix(10)
        var number = 1
        while PrivateFile.exists("\(directory)/\(day)-\(number).json") { number += 1 }
        try write(former, to: "\(directory)/\(day)-\(number).json")
    }

    private func read(_ path: String? = nil) -> File? {
        guard let bytes = try? PrivateFile.read(path ?? self.path, limit: WireLimits().jsonBytes) else { return nil }
        return try? WireJSON.decode(File.self, from: bytes, limit: WireLimits().jsonBytes, what: "crash marker")
    }

    private func write(_ file: File, to path: String) throws(FileFailure) {
        guard let bytes = try? WireJSON.encode(file, what: "crash marker") else { return }
        try PrivateFile.replace(path, with: bytes)
    }

    // MARK: The machine

    /// Different after each start of the machine; empty where nobody says, and then no crash is told from a power cut.
    private static func machineRun() -> String {
        guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return "" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 64)
        guard fgets(&line, Int32(line.count), file) != nil else { return "" }
        return String(decoding: line.prefix { $0 > 32 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func systemVersion() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        let release = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        // The version alone: what a builder appends may name a machine.
        return CrashReport.scrubbed(String(release.prefix { $0.isNumber || $0 == "." }))
    }

    private static func language() -> String {
        let text = getenv("LANG").map { String(cString: $0) } ?? ""
        let code = text.prefix { $0.isLetter || $0 == "_" }
        return code.count >= 2 ? String(code.prefix(5)) : "en"
    }
}
