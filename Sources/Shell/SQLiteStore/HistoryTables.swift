import CloudMessages
import GRDB
import Persistence
import Primitives
import PrivacyContract

/// Call records and the ledger: append only, read by cursor.
enum HistoryTables {
    /// The oldest call records go when there are more than this many; a busy small office fills it in years.
    static let callRecordLimit = 200_000
    /// How often that is looked at: with so many records at a time, as their numbers end in random bits.
    private static let pruneEvery: UInt64 = 256

    static func append(_ entry: LedgerEntry, to database: Database) throws {
        try database.execute(
            sql: "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                stored(entry.sequence), entry.time.milliseconds, entry.flow.rawValue, entry.recipient.rawValue,
                entry.fieldNames.map(\.rawValue).joined(separator: ","), entry.bytes, entry.result, entry.hash.blob,
            ])
    }

    static func ledger(after cursor: UInt64, limit: Int, in database: Database) throws -> [LedgerEntry] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM ledger WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [stored(cursor), limit]
        ).map(ledgerEntry)
    }

    static func lastLedgerEntry(_ database: Database) throws -> LedgerEntry? {
        try Row.fetchOne(database, sql: "SELECT * FROM ledger ORDER BY sequence DESC LIMIT 1").map(ledgerEntry)
    }

    static func append(_ checkpoint: LedgerCheckpoint, to database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO ledger_checkpoint VALUES (?, ?, ?, ?, ?)",
            arguments: [
                stored(checkpoint.sequence), checkpoint.time.milliseconds, checkpoint.hash.blob,
                checkpoint.signature.blob, checkpoint.certificateChain,
            ])
    }

    static func ledgerCheckpoints(after cursor: UInt64, limit: Int, in database: Database) throws -> [LedgerCheckpoint]
    {
        try Row.fetchAll(
            database, sql: "SELECT * FROM ledger_checkpoint WHERE sequence > ? ORDER BY sequence LIMIT ?",
            arguments: [stored(cursor), limit]
        ).map { row in
            LedgerCheckpoint(
                sequence: row.unsigned("sequence"), time: row.time("time"), hash: row.bytes("hash"),
                signature: row.bytes("signature"), certificateChain: row["certificate_chain"])
        }
    }

    static func signedLedgerSequence(_ database: Database) throws -> UInt64 {
        let row = try Row.fetchOne(database, sql: "SELECT MAX(sequence) AS sequence FROM ledger_checkpoint")
        let sequence: Int64? = row?["sequence"]
        return UInt64(max(0, sequence ?? 0))
    }

    private static func ledgerEntry(_ row: Row) throws -> LedgerEntry {
        let names: String = row["field_names"]
        return LedgerEntry(
            sequence: row.unsigned("sequence"), time: row.time("time"),
            flow: try decoded(row["flow"], of: "ledger.flow"),
            recipient: try decoded(row["recipient"], of: "ledger.recipient"),
            fieldNames: names.split(separator: ",").map { FieldName(String($0)) }, bytes: row["bytes"],
            result: row["result"], hash: row.bytes("hash"))
    }

    static func append(_ record: CallRecord, to database: Database) throws {
        try database.execute(
            sql: "INSERT INTO call_record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                stored(record.callDataID), record.startDate.milliseconds, record.lengthSeconds, record.externalName,
                record.externalPhoneNumber, record.msn, record.userNumber, record.userName, record.connectedUserNumber,
                record.connectedUserName, record.groupNumber, record.groupName, record.cost, record.costFactor,
                record.direction.rawValue, record.callType, record.success,
            ])
        for (position, leg) in record.quality.enumerated() {
            try database.execute(
                sql: "INSERT INTO call_leg VALUES (?, ?, ?, ?, ?, ?, ?)",
                arguments: [
                    stored(record.callDataID), position, leg.codec, stored(leg.packetsReceived),
                    stored(leg.packetsSent),
                    stored(leg.packetsLost), leg.jitterMilliseconds,
                ])
            try appendFigures(of: leg, at: position, of: record.callDataID, to: database)
        }
        if record.callDataID.isMultiple(of: pruneEvery) {
            try database.execute(
                sql: """
                    DELETE FROM call_record WHERE call_data_id <=
                    (SELECT call_data_id FROM call_record ORDER BY call_data_id DESC LIMIT 1 OFFSET ?)
                    """, arguments: [callRecordLimit])
        }
    }

    /// Deletes the records of calls that began earlier, with their legs.
    static func pruneCallRecords(before time: UnixTime, in database: Database) throws {
        try database.execute(sql: "DELETE FROM call_record WHERE start_date < ?", arguments: [time.milliseconds])
    }

    private static func appendFigures(
        of leg: CallLegQuality, at position: Int, of record: UInt64, to database: Database
    ) throws {
        try database.execute(
            sql: "INSERT INTO call_leg_figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                stored(record), position, leg.party, stored(leg.packetsDiscarded), leg.roundTripMilliseconds,
                leg.opinionReceived, leg.opinionSent, leg.isOpinionReported, leg.peerLossFraction,
                leg.peerDiscardFraction, leg.peerJitterMilliseconds, leg.audioPath, leg.trouble,
            ])
    }

    static func callRecords(after cursor: UInt64, limit: Int, in database: Database) throws -> [CallRecord] {
        try Row.fetchAll(
            database, sql: "SELECT * FROM call_record WHERE call_data_id > ? ORDER BY call_data_id LIMIT ?",
            arguments: [stored(cursor), limit]
        ).map { row in
            var record = try callRecord(row)
            record.quality = try legs(of: record.callDataID, in: database)
            return record
        }
    }

    static func lastCallDataID(_ database: Database) throws -> UInt64 {
        UInt64(clamping: try Int64.fetchOne(database, sql: "SELECT max(call_data_id) FROM call_record") ?? 0)
    }

    private static func callRecord(_ row: Row) throws -> CallRecord {
        var record = CallRecord(
            callDataID: row.unsigned("call_data_id"), startDate: row.time("start_date"),
            lengthSeconds: row["length_seconds"])
        record.externalName = row["external_name"]
        record.externalPhoneNumber = row["external_phone_number"]
        record.msn = row["msn"]
        record.userNumber = row["user_number"]
        record.userName = row["user_name"]
        record.connectedUserNumber = row["connected_user_number"]
        record.connectedUserName = row["connected_user_name"]
        record.groupNumber = row["group_number"]
        record.groupName = row["group_name"]
        record.cost = row["cost"]
        record.costFactor = row["cost_factor"]
        record.direction = try decoded(row["direction"], of: "call_record.direction")
        record.callType = row["call_type"]
        record.success = row["success"]
        return record
    }

    private static func legs(of record: UInt64, in database: Database) throws -> [CallLegQuality] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT * FROM call_leg LEFT JOIN call_leg_figures USING (call_data_id, position)
                WHERE call_data_id = ? ORDER BY position
                """, arguments: [stored(record)]
        ).map(leg)
    }

    /// Without its figures when earlier firmware wrote it.
    private static func leg(_ row: Row) -> CallLegQuality {
        var leg = CallLegQuality(
            codec: row["codec"], packetsReceived: row.unsigned("packets_received"),
            packetsSent: row.unsigned("packets_sent"), packetsLost: row.unsigned("packets_lost"),
            jitterMilliseconds: row["jitter_milliseconds"])
        guard let party: String = row["party"] else { return leg }
        leg.party = party
        leg.packetsDiscarded = row.unsigned("packets_discarded")
        leg.roundTripMilliseconds = row["round_trip_milliseconds"]
        leg.opinionReceived = row["opinion_received"]
        leg.opinionSent = row["opinion_sent"]
        leg.isOpinionReported = row["is_opinion_reported"]
        leg.peerLossFraction = row["peer_loss_fraction"]
        leg.peerDiscardFraction = row["peer_discard_fraction"]
        leg.peerJitterMilliseconds = row["peer_jitter_milliseconds"]
        leg.audioPath = row["audio_path"]
        leg.trouble = row["trouble"]
        return leg
    }
}
