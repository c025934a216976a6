import CloudMessages
import GRDB
import Persistence
import Primitives
import PrivacyContract

/// Call records and the ledger: append only, read by cursor.
enum HistoryTables {
    /// The oldest call records go when there are more than this many; a busy small office fills it in years.
    static let callRecordLimit: UInt64 = 200_000

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
        }
        if record.callDataID > callRecordLimit {
            try database.execute(
                sql: "DELETE FROM call_record WHERE call_data_id <= ?",
                arguments: [stored(record.callDataID - callRecordLimit)])
        }
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
            database, sql: "SELECT * FROM call_leg WHERE call_data_id = ? ORDER BY position",
            arguments: [stored(record)]
        ).map {
            CallLegQuality(
                codec: $0["codec"], packetsReceived: $0.unsigned("packets_received"),
                packetsSent: $0.unsigned("packets_sent"), packetsLost: $0.unsigned("packets_lost"),
                jitterMilliseconds: $0["jitter_milliseconds"])
        }
    }
}
