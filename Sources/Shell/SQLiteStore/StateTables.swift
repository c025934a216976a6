import CloudMessages
import GRDB
import Persistence
import Primitives
import PrivacyContract

/// What the appliance remembers beside its configuration: pairing, keys, registrations, history, ledger.
enum StateTables {
    static func pairing(_ database: Database) throws -> PairingRecord? {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM pairing") else { return nil }
        let offer = PairingOffer(
            tokenID: row["token_id"], serial: row["serial"], issuedAt: row.time("issued_at"),
            expiresAt: row.time("expires_at"), codeHash: row.bytes("code_hash"))
        let user = (row["user_name"] as String?).map {
            PairingUser(name: $0, salt: row.bytes("user_salt"), passwordHash: row.bytes("user_password_hash"))
        }
        return PairingRecord(
            stage: try decoded(row["stage"], of: "pairing.stage"), offer: offer, wrongAttempts: row["wrong_attempts"],
            user: user)
    }

    static func put(_ record: PairingRecord, in database: Database) throws {
        try database.execute(sql: "DELETE FROM pairing")
        try database.execute(
            sql: "INSERT INTO pairing VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                record.stage.rawValue, record.offer.tokenID, record.offer.serial, record.offer.issuedAt.milliseconds,
                record.offer.expiresAt.milliseconds, record.offer.codeHash.blob, record.wrongAttempts,
                record.user?.name,
                record.user?.salt.blob, record.user?.passwordHash.blob,
            ])
    }

    static func backupKey(_ database: Database) throws -> BackupKeyRecord? {
        try Row.fetchOne(database, sql: "SELECT * FROM backup_key").map {
            BackupKeyRecord(
                keyID: $0["key_id"], recipient: $0["recipient"], encryptedIdentity: $0.bytes("encrypted_identity"))
        }
    }

    static func put(_ record: BackupKeyRecord, in database: Database) throws {
        try database.execute(sql: "DELETE FROM backup_key")
        try database.execute(
            sql: "INSERT INTO backup_key VALUES (1, ?, ?, ?)",
            arguments: [record.keyID, record.recipient, record.encryptedIdentity.blob])
    }

    static func backups(_ database: Database) throws -> [BackupRecord] {
        try Row.fetchAll(
            database,
            sql: "SELECT * FROM backup LEFT JOIN backup_proof USING (id) ORDER BY created_at, id"
        ).map { row in
            let entry = BackupEntry(
                id: row["id"], createdAt: row.time("created_at"), sizeBytes: row["size_bytes"], keyID: row["key_id"],
                sha256: row.bytes("sha256"))
            let proof = (row["at"] as Int64?).map {
                BackupProof(at: UnixTime(milliseconds: $0), failure: row["failure"])
            }
            return BackupRecord(entry: entry, uploaded: row["uploaded"], proof: proof)
        }
    }

    static func put(_ record: BackupRecord, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO backup VALUES (?, ?, ?, ?, ?, ?)",
            arguments: [
                record.entry.id, record.entry.createdAt.milliseconds, record.entry.sizeBytes, record.entry.keyID,
                record.entry.sha256.blob, record.uploaded,
            ])
        try database.execute(sql: "DELETE FROM backup_proof WHERE id = ?", arguments: [record.entry.id])
        if let proof = record.proof {
            try database.execute(
                sql: "INSERT INTO backup_proof VALUES (?, ?, ?)",
                arguments: [record.entry.id, proof.at.milliseconds, proof.failure])
        }
    }

    static func removeBackup(_ id: String, from database: Database) throws {
        try database.execute(sql: "DELETE FROM backup WHERE id = ?", arguments: [id])
        try database.execute(sql: "DELETE FROM backup_proof WHERE id = ?", arguments: [id])
    }

    static func backupPlan(_ database: Database) throws -> BackupPlan {
        var plan = BackupPlan()
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM backup_plan") else { return plan }
        let names: String = row["parts"]
        plan.interval = (row["interval_milliseconds"] as Int64?).map { .milliseconds($0) }
        plan.phase = row.time("phase")
        plan.lastSlot = row["last_slot"]
        plan.parts = try names.split(separator: ",").map { try decoded(String($0), of: "backup_plan.parts") }
        plan.reminderInterval = (row["reminder_milliseconds"] as Int64?).map { .milliseconds($0) }
        plan.passwordSeenAt = (row["password_seen_at"] as Int64?).map { UnixTime(milliseconds: $0) }
        return plan
    }

    static func put(_ plan: BackupPlan, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO backup_plan VALUES (1, ?, ?, ?, ?, ?, ?)",
            arguments: [
                plan.interval?.wholeMilliseconds, plan.phase.milliseconds, plan.lastSlot,
                plan.parts.map(\.rawValue).joined(separator: ","), plan.reminderInterval?.wholeMilliseconds,
                plan.passwordSeenAt?.milliseconds,
            ])
    }

    static func provisioningTokens(_ database: Database) throws -> [ProvisioningTokenRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM provisioning_token ORDER BY expires_at, token_hash").map {
            ProvisioningTokenRecord(
                tokenHash: $0.bytes("token_hash"), extension: $0["extension"], expiresAt: $0.time("expires_at"))
        }
    }

    static func put(_ record: ProvisioningTokenRecord, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO provisioning_token VALUES (?, ?, ?)",
            arguments: [record.tokenHash.blob, record.extension, record.expiresAt.milliseconds])
    }

    static func append(_ entry: ProvisioningLogEntry, to database: Database) throws {
        try database.execute(
            sql: "INSERT INTO provisioning_log (hour, network, product) VALUES (?, ?, ?)",
            arguments: [entry.hour.milliseconds, entry.network.description, entry.product])
    }

    /// R2. What stays is written anew into fresh pages, and the former pages are zeroed as they are freed: SQLite promises
    /// that `secure_delete` zeroes what is deleted, not what rows leave behind when they move from page to page.
    static func pruneProvisioningLog(olderThan time: UnixTime, in database: Database) throws {
        try database.execute(sql: "DELETE FROM provisioning_log WHERE hour < ?", arguments: [time.milliseconds])
        guard database.changesCount > 0 else { return }
        try database.execute(sql: Schema.rewrittenLog)
    }

    static func provisioningLog(_ database: Database) throws -> [ProvisioningLogEntry] {
        try Row.fetchAll(database, sql: "SELECT * FROM provisioning_log ORDER BY id").map {
            guard let network = IPAddress($0["network"] as String) else {
                throw StoreFailure.damaged("provisioning log names no network")
            }
            return ProvisioningLogEntry(hour: $0.time("hour"), network: network, product: $0["product"])
        }
    }

    static func bindings(_ database: Database) throws -> [String: [BindingRecord]] {
        var bindings: [String: [BindingRecord]] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT * FROM binding ORDER BY aor, position") {
            bindings[row["aor"], default: []].append(
                BindingRecord(
                    contact: row["contact"], callID: row["call_id"], cseq: UInt32(clamping: row["cseq"] as Int64),
                    expiresAt: row.time("expires_at"), flow: row["flow"], path: row["path"],
                    userAgent: row["user_agent"], isOutbound: row["is_outbound"], publicGRUU: row["public_gruu"]))
        }
        return bindings
    }

    static func replaceBindings(of aor: String, by records: [BindingRecord], in database: Database) throws {
        try database.execute(sql: "DELETE FROM binding WHERE aor = ?", arguments: [aor])
        for (position, record) in records.enumerated() {
            try database.execute(
                sql: """
                    INSERT INTO binding (
                        aor, position, contact, call_id, cseq, expires_at, flow, path, user_agent, is_outbound,
                        public_gruu
                    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    aor, position, record.contact, record.callID, Int64(record.cseq), record.expiresAt.milliseconds,
                    record.flow, record.path, record.userAgent, record.isOutbound, record.publicGRUU,
                ])
        }
    }

    static func switches(_ database: Database) throws -> [Switch: Bool] {
        var switches: [Switch: Bool] = [:]
        for row in try Row.fetchAll(database, sql: "SELECT name, is_on FROM switch ORDER BY name") {
            switches[try decoded(row["name"], of: "switch")] = row["is_on"]
        }
        return switches
    }

    static func set(_ name: Switch, on isOn: Bool, in database: Database) throws {
        try database.execute(sql: "INSERT OR REPLACE INTO switch VALUES (?, ?)", arguments: [name.rawValue, isOn])
    }
}
