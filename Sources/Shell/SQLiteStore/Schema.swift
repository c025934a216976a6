import GRDB

/// The tables, as migrations. Published migrations never change; a new version adds one.
enum Schema {
    /// What `PRAGMA user_version` says of a database that this firmware wrote: the oldest schema whose firmware can use it.
    /// A migration that only adds tables which older firmware need not know leaves it, so that the way back stays open
    /// after an update.
    static let version = 3

    /// All tables of the appliance's database.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 first tables") { database in
            try database.execute(sql: configurationTables)
            try database.execute(sql: stateTables)
            try database.execute(sql: "PRAGMA user_version = 1")
        }
        migrator.registerMigration("2 trunks") { database in
            try database.execute(sql: trunkTables)
            try database.execute(sql: "PRAGMA user_version = 2")
        }
        migrator.registerMigration("3 paths and flows of bindings") { database in
            try database.execute(sql: bindingExtensions)
            try database.execute(sql: "PRAGMA user_version = 3")
        }
        migrator.registerMigration("4 figures of call legs") { database in
            try database.execute(sql: legFigures)
        }
        migrator.registerMigration("5 signatures of the ledger") { database in
            try database.execute(sql: ledgerCheckpoints)
        }
        migrator.registerMigration("6 backup plan and proofs") { database in
            try database.execute(sql: backupTables)
        }
        migrator.registerMigration("7 what services remember") { database in
            try database.execute(sql: serviceTables)
        }
        return migrator
    }

    /// Only what a backup holds (Q11): users, groups and settings.
    static func createConfiguration(_ database: Database) throws {
        try database.execute(sql: configurationTables + trunkTables)
    }

    /// The tables that a configuration of that version has.
    static func configurationTableNames(version: Int) -> [String] {
        ["call_group", "group_member", "listener", "setting", "user"] + (version >= 2 ? trunkTableNames : [])
    }

    /// In an order in which they can be emptied.
    static let trunkTableNames = [
        "outgoing_rule_trunk", "outgoing_rule", "trunk_number", "trunk_setting", "trunk", "user_setting",
    ]

    /// Settings with a name and a value can grow without another migration.
    private static let trunkTables = """
        CREATE TABLE user_setting (
            extension TEXT NOT NULL REFERENCES user (extension) ON DELETE CASCADE, name TEXT NOT NULL,
            value TEXT NOT NULL, PRIMARY KEY (extension, name)
        ) STRICT;
        CREATE TABLE trunk (name TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL, password BLOB) STRICT;
        CREATE TABLE trunk_setting (
            trunk TEXT NOT NULL REFERENCES trunk (name) ON DELETE CASCADE, name TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (trunk, name)
        ) STRICT;
        CREATE TABLE trunk_number (
            trunk TEXT NOT NULL REFERENCES trunk (name) ON DELETE CASCADE, position INTEGER NOT NULL,
            number TEXT NOT NULL, destination TEXT NOT NULL, PRIMARY KEY (trunk, position)
        ) STRICT;
        CREATE TABLE outgoing_rule (position INTEGER PRIMARY KEY, prefix TEXT NOT NULL) STRICT;
        CREATE TABLE outgoing_rule_trunk (
            rule INTEGER NOT NULL REFERENCES outgoing_rule (position) ON DELETE CASCADE, position INTEGER NOT NULL,
            trunk TEXT NOT NULL, PRIMARY KEY (rule, position)
        ) STRICT;
        """

    private static let configurationTables = """
        CREATE TABLE setting (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
        CREATE TABLE listener (
            position INTEGER PRIMARY KEY, transport TEXT NOT NULL, address TEXT NOT NULL, port INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE user (
            extension TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, password BLOB NOT NULL
        ) STRICT;
        CREATE TABLE call_group (
            extension TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, strategy TEXT NOT NULL
        ) STRICT;
        CREATE TABLE group_member (
            group_extension TEXT NOT NULL REFERENCES call_group (extension) ON DELETE CASCADE,
            position INTEGER NOT NULL, extension TEXT NOT NULL,
            PRIMARY KEY (group_extension, position)
        ) STRICT;
        """

    static let switchTable = "CREATE TABLE switch (name TEXT PRIMARY KEY NOT NULL, is_on INTEGER NOT NULL) STRICT;"

    static let rewrittenLog = """
        CREATE TABLE provisioning_log_rewritten (
            id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, network TEXT NOT NULL, product TEXT NOT NULL
        ) STRICT;
        INSERT INTO provisioning_log_rewritten SELECT id, hour, network, product FROM provisioning_log ORDER BY id;
        DROP TABLE provisioning_log;
        ALTER TABLE provisioning_log_rewritten RENAME TO provisioning_log;
        CREATE INDEX provisioning_log_hour ON provisioning_log (hour);
        """

    private static let bindingExtensions = """
        ALTER TABLE binding ADD COLUMN path TEXT NOT NULL DEFAULT '';
        ALTER TABLE binding ADD COLUMN user_agent TEXT;
        ALTER TABLE binding ADD COLUMN is_outbound INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE binding ADD COLUMN public_gruu TEXT;
        """

    /// Beside `call_leg`, because firmware of schema 3 writes that without naming its columns.
    private static let legFigures = """
        CREATE TABLE call_leg_figures (
            call_data_id INTEGER NOT NULL, position INTEGER NOT NULL, party TEXT NOT NULL,
            packets_discarded INTEGER NOT NULL, round_trip_milliseconds REAL, opinion_received REAL, opinion_sent REAL,
            is_opinion_reported INTEGER NOT NULL, peer_loss_fraction REAL, peer_discard_fraction REAL,
            peer_jitter_milliseconds REAL, audio_path TEXT, trouble TEXT, PRIMARY KEY (call_data_id, position),
            FOREIGN KEY (call_data_id, position) REFERENCES call_leg (call_data_id, position) ON DELETE CASCADE
        ) WITHOUT ROWID, STRICT;
        """

    private static let ledgerCheckpoints = """
        CREATE TABLE ledger_checkpoint (
            sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL,
            certificate_chain TEXT NOT NULL
        ) STRICT;
        """

    /// Beside `backup`, because firmware of schema 3 writes that without naming its columns.
    private static let backupTables = """
        CREATE TABLE backup_proof (id TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, failure TEXT) STRICT;
        CREATE TABLE backup_plan (
            id INTEGER PRIMARY KEY CHECK (id = 1), interval_milliseconds INTEGER, phase INTEGER NOT NULL,
            last_slot INTEGER NOT NULL, parts TEXT NOT NULL, reminder_milliseconds INTEGER, password_seen_at INTEGER
        ) STRICT;
        """

    /// With a name and a value, so that it can grow without another migration.
    private static let serviceTables =
        "CREATE TABLE service_state (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) WITHOUT ROWID, STRICT;"

    private static let stateTables =
        switchTable + """
            CREATE TABLE pairing (
                id INTEGER PRIMARY KEY CHECK (id = 1), stage TEXT NOT NULL, token_id TEXT NOT NULL,
                serial TEXT NOT NULL, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, code_hash BLOB NOT NULL,
                wrong_attempts INTEGER NOT NULL, user_name TEXT, user_salt BLOB, user_password_hash BLOB
            ) STRICT;
            CREATE TABLE backup_key (
                id INTEGER PRIMARY KEY CHECK (id = 1), key_id TEXT NOT NULL, recipient TEXT NOT NULL,
                encrypted_identity BLOB NOT NULL
            ) STRICT;
            CREATE TABLE backup (
                id TEXT PRIMARY KEY NOT NULL, created_at INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
                key_id TEXT NOT NULL, sha256 BLOB NOT NULL, uploaded INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE provisioning_token (
                token_hash BLOB PRIMARY KEY NOT NULL, extension TEXT NOT NULL, expires_at INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE provisioning_log (
                id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, network TEXT NOT NULL, product TEXT NOT NULL
            ) STRICT;
            CREATE INDEX provisioning_log_hour ON provisioning_log (hour);
            CREATE TABLE binding (
                aor TEXT NOT NULL, position INTEGER NOT NULL, contact TEXT NOT NULL, call_id TEXT NOT NULL,
                cseq INTEGER NOT NULL, expires_at INTEGER NOT NULL, flow TEXT NOT NULL,
                PRIMARY KEY (aor, position)
            ) STRICT;
            CREATE TABLE call_record (
                call_data_id INTEGER PRIMARY KEY, start_date INTEGER NOT NULL, length_seconds INTEGER NOT NULL,
                external_name TEXT NOT NULL, external_phone_number TEXT NOT NULL, msn TEXT NOT NULL,
                user_number TEXT NOT NULL, user_name TEXT NOT NULL, connected_user_number TEXT NOT NULL,
                connected_user_name TEXT NOT NULL, group_number TEXT NOT NULL, group_name TEXT NOT NULL,
                cost REAL NOT NULL, cost_factor REAL NOT NULL, direction TEXT NOT NULL, call_type TEXT NOT NULL,
                success INTEGER NOT NULL
            ) STRICT;
            CREATE TABLE call_leg (
                call_data_id INTEGER NOT NULL REFERENCES call_record (call_data_id) ON DELETE CASCADE,
                position INTEGER NOT NULL, codec TEXT NOT NULL, packets_received INTEGER NOT NULL,
                packets_sent INTEGER NOT NULL, packets_lost INTEGER NOT NULL, jitter_milliseconds REAL NOT NULL,
                PRIMARY KEY (call_data_id, position)
            ) STRICT;
            CREATE TABLE ledger (
                sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL, flow TEXT NOT NULL, recipient TEXT NOT NULL,
                field_names TEXT NOT NULL, bytes INTEGER NOT NULL, result TEXT NOT NULL, hash BLOB NOT NULL
            ) STRICT;
            """
}
