import ApplianceCore
import Persistence
import Primitives
import PrivacyContract
import Testing

/// Fetching from the backup server for a restore: the shell sends, the gate decides, the ledger knows.
struct RestorePermitTests {
    @Test func `a restore's request has a permit, and its outcome is one ledger entry`() throws {
        var world = World(switches: [.backup])
        guard case .restorePermit(let id, let permit)? = world.admin(.permitRestore) else {
            Issue.record("no permit")
            return
        }
        #expect(permit.flow == .c8 && permit.recipient == .backup && permit.fieldNames.isEmpty)
        #expect(world.histories.ledger(after: 0, limit: 10).isEmpty)
        for _ in 0..<2 {
            world.handle(.cloudReply(id, .accepted, bytesSent: 77))
            world.run()
        }
        let entries = world.histories.ledger(after: 0, limit: 10)
        #expect(entries.map(\.flow) == [.c8] && entries.map(\.bytes) == [77])
    }

    @Test func `switching backups off cancels the request that runs and denies the next`() throws {
        var world = World(switches: [.backup])
        guard case .restorePermit(let id, _)? = world.admin(.permitRestore) else {
            Issue.record("no permit")
            return
        }
        world.admin(.setSwitch(.backup, false))
        #expect(world.cancelled == [id])
        world.handle(.cloudReply(id, .unreachable("cancelled"), bytesSent: 0))
        guard case .refused(409, _)? = world.admin(.permitRestore) else {
            Issue.record("a permit while the switch is off")
            return
        }
        let entries = world.histories.ledger(after: 0, limit: 10)
        #expect(entries.map(\.flow) == [.c8, .c8])
        #expect(entries.last?.result.hasPrefix("denied") == true)
    }
}
