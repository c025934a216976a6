import ApplianceCore
import Backup
import CloudCore
import CloudMessages
import Persistence
import Primitives
import PrivacyContract
import Settings

/// What the shell does with a backup: prove it, or restore it.
extension ApplianceNode {
    /// A backup and the identity that opens it, fetched under a permit of its own (F-C8).
    private func fetch(_ id: String) throws(ScenarioFailure) -> (content: [UInt8], identity: [UInt8])? {
        guard case .restorePermit(let request, let permit) = try admin(.permitRestore) else { return nil }
        egressed[permit.flow, default: 0] += 1
        Invariants.checkPermit(permit, switches: disk.snapshot.switches, world: world)
        guard !world.cloudIsUnreachable, let content = world.cloud.contents[id],
            let entry = world.cloud.backups.entry(serial: Self.serial, id: id),
            let identity = world.cloud.keys[entry.keyID]
        else {
            input(.cloudReply(request, .unreachable("connection timed out"), bytesSent: 0))
            return nil
        }
        world.cloud.received[.c8, default: 0] += 150
        input(.cloudReply(request, .accepted, bytesSent: 150))
        return (content, identity)
    }

    /// The restore drill; nil when the backup could not be fetched.
    func drill(_ id: String, password: Secret) throws(ScenarioFailure) -> AdminReply? {
        guard let (content, identity) = try fetch(id) else { return nil }
        return try admin(
            .backupDrilled(id: id, JobRunner.drill(content, encryptedIdentity: identity, password: password)))
    }

    /// Writes the spare generation, switches to it with one rename, restarts. False: it could not be fetched or opened.
    ///
    /// Returns before it is done: `restoresDone` counts those that went through.
    func beginRestore(_ id: String, password: Secret, done: @escaping () -> Void) throws(ScenarioFailure) -> Bool {
        guard let (content, identity) = try fetch(id),
            let settings = JobRunner.open(content, encryptedIdentity: identity, password: password)
                .flatMap(ConfigurationText.read)
        else { return false }
        disk.isSealed = true
        // Until the rename is on the medium the former generation is the truth; from then on the new one is.
        let before = [
            "write of the backup's configuration", "sync of the backup's configuration",
            "write of the spare generation",
            "sync of the spare generation", "sync of the generation's folder", "sync of the generations",
            "write of 'current.new'", "sync of 'current.new'", "rename to 'current', lost",
        ]
        take(before[...]) { [unowned self] in
            disk.install(settings)
            guard !cutsPower(at: "rename to 'current', kept"), !cutsPower(at: "sync of the folder") else { return }
            world.note("restored, restarts")
            cutPower()
            powerOn()
            done()
        }
        return true
    }

    private func take(_ steps: ArraySlice<String>, then finish: @escaping () -> Void) {
        guard let step = steps.first else { return finish() }
        afterwards(.milliseconds(2)) { [unowned self] in
            if !cutsPower(at: step) { take(steps.dropFirst(), then: finish) }
        }
    }
}
