import CloudCore
import CloudMessages
import Primitives
import Testing

@Suite struct BackupServerCoreTests {
    private let now = UnixTime(seconds: 1_000_000)
    private let digest = [UInt8](repeating: 9, count: 32)

    private func announcement(
        _ id: String, size: Int64 = 10, offset: Int64 = 0, made: Int64 = 0, sha256: [UInt8]? = nil
    ) -> BackupServerCore.Announcement {
        BackupServerCore.Announcement(
            id: id, createdAt: now + .seconds(made), keyID: "k1", sha256: sha256 ?? digest, sizeBytes: size,
            offset: offset)
    }

    @discardableResult
    private func store(
        _ id: String, in core: inout BackupServerCore, serial: String = "A", made: Int64 = 0, at time: UnixTime? = nil
    ) throws -> [String] {
        #expect(try core.begin(announcement(id, made: made), serial: serial) == .receive)
        try core.received(10, serial: serial, id: id)
        return try core.commit(serial: serial, id: id, sha256: digest, at: time ?? now).evicted
    }

    @Test func `an upload is listed once it is committed, for its appliance alone`() throws {
        var core = BackupServerCore()
        #expect(try core.begin(announcement("b1"), serial: "A") == .receive)
        try core.received(10, serial: "A", id: "b1")
        #expect(core.list(serial: "A").isEmpty)
        #expect(core.isComplete(serial: "A", id: "b1"))
        let (entry, evicted) = try core.commit(serial: "A", id: "b1", sha256: digest, at: now)
        #expect(entry == BackupEntry(id: "b1", createdAt: now, sizeBytes: 10, keyID: "k1", sha256: digest))
        #expect(evicted.isEmpty)
        #expect(core.list(serial: "A") == [entry])
        #expect(core.list(serial: "B").isEmpty)
        #expect(core.entry(serial: "B", id: "b1") == nil)
        #expect(throws: CloudRefusal.self) { try core.delete(serial: "B", id: "b1") }
    }

    @Test func `an interrupted upload goes on at the right byte only`() throws {
        var core = BackupServerCore()
        _ = try core.begin(announcement("b1"), serial: "A")
        try core.received(4, serial: "A", id: "b1")
        #expect(throws: CloudRefusal.wrongOffset(expected: 4)) {
            try core.begin(announcement("b1", offset: 5), serial: "A")
        }
        #expect(throws: CloudRefusal.wrongOffset(expected: 0)) {
            try core.begin(announcement("b2", offset: 5), serial: "A")
        }
        #expect(throws: CloudRefusal.wrongOffset(expected: 4)) {
            try core.begin(announcement("b1", size: 11, offset: 4), serial: "A")
        }
        #expect(throws: CloudRefusal.wrongOffset(expected: 4)) {
            try core.commit(serial: "A", id: "b1", sha256: digest, at: now)
        }
        #expect(try core.begin(announcement("b1", offset: 4), serial: "A") == .receive)
        try core.received(6, serial: "A", id: "b1")
        _ = try core.commit(serial: "A", id: "b1", sha256: digest, at: now)
        #expect(core.list(serial: "A").count == 1)
    }

    @Test func `other bytes than announced are not kept`() throws {
        var core = BackupServerCore()
        _ = try core.begin(announcement("b1"), serial: "A")
        try core.received(10, serial: "A", id: "b1")
        #expect(throws: CloudRefusal.digestMismatch) {
            try core.commit(serial: "A", id: "b1", sha256: [UInt8](repeating: 0, count: 32), at: now)
        }
        #expect(core.receivedBytes(serial: "A", id: "b1") == 0)
        _ = try core.begin(announcement("b2"), serial: "A")
        #expect(throws: CloudRefusal.self) { try core.received(11, serial: "A", id: "b2") }
        #expect(core.list(serial: "A").isEmpty)
    }

    @Test func `repeating a committed upload is harmless, replacing it is refused`() throws {
        var core = BackupServerCore()
        try store("b1", in: &core)
        #expect(try core.begin(announcement("b1"), serial: "A") == .alreadyStored)
        #expect(throws: CloudRefusal.alreadyExists(what: "backup b1")) {
            try core.begin(announcement("b1", sha256: [UInt8](repeating: 1, count: 32)), serial: "A")
        }
    }

    @Test func `retention by count keeps the newest, and always the one just stored`() throws {
        var limits = CloudLimits()
        limits.backupsPerDevice = 2
        var core = BackupServerCore(limits: limits)
        try store("b1", in: &core, made: 10)
        try store("b2", in: &core, made: 20)
        #expect(try store("b3", in: &core, made: 30) == ["b1"])
        #expect(core.list(serial: "A").map(\.id) == ["b3", "b2"])
        #expect(try store("b0", in: &core, made: 0) == ["b2"], "a clock that went back must not lose the new one")
    }

    @Test func `retention by age counts from when the server got it`() throws {
        var limits = CloudLimits()
        limits.backupAge = .seconds(100)
        var core = BackupServerCore(limits: limits)
        try store("b1", in: &core)
        #expect(try store("b2", in: &core, at: now + .seconds(100)).isEmpty)
        #expect(try store("b3", in: &core, at: now + .seconds(101)) == ["b1"])
    }

    @Test func `each limit is refused with its status`() throws {
        var limits = CloudLimits()
        limits.backupBytes = 20
        limits.storageBytes = 25
        limits.partialUploadsPerDevice = 2
        var core = BackupServerCore(limits: limits)
        func status(_ announcement: BackupServerCore.Announcement) -> Int? {
            do throws(CloudRefusal) {
                _ = try core.begin(announcement, serial: "A")
                return nil
            } catch { return error.status }
        }
        #expect(status(announcement("b1", size: 21)) == 413)
        #expect(status(announcement("b1", size: 0)) == 400)
        #expect(status(announcement("../b1")) == 400)
        #expect(status(announcement("b1", sha256: [1])) == 400)
        try store("b1", in: &core)
        #expect(status(announcement("b2", size: 16)) == 507)
        #expect(core.serviceStatus(serial: "A").available)
        #expect(status(announcement("p1", size: 1)) == nil)
        #expect(status(announcement("p2", size: 1)) == nil)
        #expect(status(announcement("p3", size: 1)) == 503)
        core.abandon(serial: "A", id: "p1")
        #expect(status(announcement("p3", size: 1)) == nil)
    }

    @Test func `encrypted identities are stored once, bounded, and deleted for good`() throws {
        var limits = CloudLimits()
        limits.backupKeysPerDevice = 1
        limits.backupKeyBytes = 100
        var core = BackupServerCore(limits: limits)
        #expect(try core.putKey(serial: "A", keyID: "k1", sizeBytes: 100) == .receive)
        #expect(try core.putKey(serial: "A", keyID: "k1", sizeBytes: 100) == .alreadyStored)
        #expect(throws: CloudRefusal.self) { try core.putKey(serial: "A", keyID: "k2", sizeBytes: 1) }
        #expect(throws: CloudRefusal.self) { try core.putKey(serial: "B", keyID: "k1", sizeBytes: 101) }
        #expect(throws: CloudRefusal.self) { try core.putKey(serial: "B", keyID: "a/b", sizeBytes: 1) }
        try core.deleteKey(serial: "A", keyID: "k1")
        #expect(!core.hasKey(serial: "A", keyID: "k1"))
    }
}
