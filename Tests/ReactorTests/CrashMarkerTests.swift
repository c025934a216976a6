import CloudMessages
import Foundation
import Primitives
import Reactor
import Testing

struct CrashMarkerTests {
    private final class Folder {
        let path = "/tmp/pbx-\(UUID().uuidString.prefix(13))"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
        var marker: CrashMarker { CrashMarker(dataDirectory: path) }
        func begin(_ boot: String, at wall: UnixTime = UnixTime(seconds: 1_800_000_000)) throws -> [CrashReport] {
            try marker.begin(model: "next", codename: "rpi4", version: "1.0.0", at: wall, boot: boot)
        }
        var files: [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: path + "/crashes")) ?? []).sorted()
        }
    }

    @Test func `a run that ended without saying so leaves a report`() throws {
        let folder = try Folder()
        #expect(try folder.begin("boot-1").isEmpty)
        let reports = try folder.begin("boot-1")
        let report = try #require(reports.first)
        #expect(reports.count == 1 && report.model == "next" && report.codename == "rpi4" && report.appName == "pbxd")
        #expect(report.startTime == UnixTime(seconds: 1_800_000_000))
        #expect(report.values.allSatisfy { $0 == CrashReport.scrubbed($0) || $0.contains("T") })
        // The day is that of the last sign of life, which is today.
        #expect(report.crashDate.utf8.count == 10 && report.id == "\(report.crashDate)-1")
        #expect(try folder.begin("boot-1").map(\.id) == ["\(report.crashDate)-1", "\(report.crashDate)-2"])
    }

    @Test func `an orderly end leaves none, and neither does a power cut`() throws {
        let folder = try Folder()
        _ = try folder.begin("boot-1")
        folder.marker.end()
        #expect(try folder.begin("boot-1").isEmpty)
        #expect(try folder.begin("boot-2").isEmpty, "the machine was started anew in between")
        #expect(try folder.begin("").isEmpty && folder.files.isEmpty)
    }

    @Test func `a report is removed by its name, and by no path`() throws {
        let folder = try Folder()
        _ = try folder.begin("boot-1")
        let report = try #require(try folder.begin("boot-1").first)
        try folder.marker.remove("../running")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/running.json"))
        try folder.marker.remove(report.id)
        #expect(folder.files.isEmpty)
    }

    @Test func `a torn marker is no report and no obstacle`() throws {
        let folder = try Folder()
        try Data("{\"make\":".utf8).write(to: URL(filePath: folder.path + "/running.json"))
        #expect(try folder.begin("boot-1").isEmpty)
    }
}
