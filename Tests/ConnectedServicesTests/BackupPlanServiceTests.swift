import ApplianceCore
import Backup
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Testing

struct BackupPlanServiceTests {
    private let day = Duration.seconds(86_400)

    private func ready() -> World {
        var world = World(switches: [.backup])
        world.admin(.setBackupPassword(World.password))
        return world
    }

    @Test func `a schedule is counted from its switch-on and survives restarts`() {
        var world = ready()
        let phase = world.wall
        guard case .backupPlan(let report)? = world.admin(.planBackups(.init(schedule: .every(day)))) else {
            Issue.record("no plan")
            return
        }
        #expect(report.nextAt == phase + day && world.snapshot.backupPlan.phase == phase)
        world.advance(day - .seconds(1))
        #expect(world.sent(.c7) == 0)
        world.reboot()
        world.advance(.seconds(2))
        #expect(world.sent(.c7) == 1 && world.snapshot.backups.count == 1)
        #expect(world.snapshot.backupPlan.lastSlot == 1)
        world.advance(day * 3)
        #expect(world.sent(.c7) == 4)
    }

    @Test func `a scheduled backup that fails is tried again, and once is enough`() {
        var world = ready()
        world.admin(.planBackups(.init(schedule: .every(day))))
        world.answers[.c7] = .unreachable("away")
        world.advance(day + .seconds(3_601))
        let attempts = world.sent(.c7)
        #expect((4...5).contains(attempts), "\(attempts)")
        world.answers[.c7] = .serviceStatus(
            BackupServiceStatus(available: true, maximumBytes: 1_000_000, retainedCount: 5))
        world.advance(.seconds(3_600))
        #expect(world.snapshot.backups.count == 1 && world.sent(.c7) == attempts + 1)
    }

    @Test func `no schedule runs without switch, key or clock`() {
        var world = World(switches: [])
        world.admin(.planBackups(.init(schedule: .every(.seconds(3_600)))))
        world.advance(day)
        world.admin(.setSwitch(.backup, true))
        world.advance(day)
        #expect(world.sent(.c7) == 0)
        world.admin(.setBackupPassword(World.password))
        #expect(world.sent(.c7) == 1, "what is owed is made as soon as it can be")
        world.wall = UnixTime(seconds: 0)
        world.handle(.wallClock(world.wall))
        world.advance(.seconds(7_200))
        #expect(world.sent(.c7) == 1, "the clock is before the schedule's beginning")
    }

    @Test(arguments: [
        BackupPlanChange(schedule: .every(.seconds(3_599))), BackupPlanChange(schedule: .every(.seconds(367 * 86_400))),
        BackupPlanChange(parts: []), BackupPlanChange(parts: [.callHistory]),
        BackupPlanChange(reminderInterval: .seconds(-1)),
    ])
    func `a plan that makes no sense is refused and changes nothing`(change: BackupPlanChange) {
        var world = ready()
        let before = world.snapshot.backupPlan
        guard case .refused(400, _)? = world.admin(.planBackups(change)) else {
            Issue.record("not refused")
            return
        }
        #expect(world.snapshot.backupPlan == before)
    }

    @Test func `parts are what the owner chose, in their own order`() {
        var world = ready()
        world.admin(.planBackups(.init(parts: [.callHistory, .configuration])))
        #expect(world.snapshot.backupPlan.parts == [.configuration, .callHistory])
        world.handle(.admin(AdminRequestID(900), .backUpNow))
        var parts: [BackupPart]?
        for _ in 0..<200 {
            if case .run(_, .makeBackup(_, _, _, let chosen))? = world.work.first { parts = chosen }
            world.run(limit: 1)
        }
        #expect(parts == [.configuration, .callHistory])
    }

    @Test func `a drill makes green, a wrong password changes nothing, a failed one is remembered`() throws {
        var world = ready()
        guard case .backup(let entry)? = world.admin(.backUpNow) else {
            Issue.record("no backup")
            return
        }
        guard case .refused(403, _)? = world.admin(.backupDrilled(id: entry.id, .wrongPassword)),
            case .refused(404, _)? = world.admin(.backupDrilled(id: "other", .passed))
        else {
            Issue.record("not refused")
            return
        }
        #expect(world.snapshot.backups.first?.state == .uploaded)
        world.advance(day)
        world.admin(.backupDrilled(id: entry.id, .passed))
        #expect(world.snapshot.backups.first?.state == .proved)
        #expect(world.snapshot.backupPlan.passwordSeenAt == world.wall)
        world.admin(.backupDrilled(id: entry.id, .failed("torn")))
        #expect(world.snapshot.backups.first?.state == .failed)
        guard case .status(let status)? = world.admin(.status) else {
            Issue.record("no status")
            return
        }
        #expect(status.backupReminder?.contains("torn") == true)
        world.storeFailure = .diskFull
        guard case .refused(503, _)? = world.admin(.backupDrilled(id: entry.id, .passed)) else {
            Issue.record("what could not be stored counts")
            return
        }
        #expect(world.admin(.listBackups) == .backups(world.snapshot.backups))
    }

    @Test func `the list is as long as the server's memory`() {
        var world = ready()
        for _ in 0..<4 { world.admin(.backUpNow) }
        #expect(world.snapshot.backups.count == 1, "the server keeps one")
    }

    @Test func `there is a recovery sheet as soon as there is a key`() {
        var world = World(switches: [.backup])
        guard case .refused(404, _)? = world.admin(.recoverySheet(language: "de")) else {
            Issue.record("a sheet without a key")
            return
        }
        world.admin(.setBackupPassword(World.password))
        guard case .recoverySheet(let text)? = world.admin(.recoverySheet(language: "de")) else {
            Issue.record("no sheet")
            return
        }
        #expect(text.contains("key-1") && text.contains(World.serial))
    }
}
