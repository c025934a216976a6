import GRDB
import Persistence
import Primitives

/// `ServiceState` as names and values; what is nil has no row. Names of later versions are left alone.
enum ServiceStateTable {
    private static let names = ["installation_id", "looks_for_updates", "manifest_issued_at", "remote_access_end"]

    static func read(_ database: Database) throws -> ServiceState {
        var state = ServiceState()
        for row in try Row.fetchAll(database, sql: "SELECT name, value FROM service_state ORDER BY name") {
            let value: String = row["value"]
            switch row["name"] as String {
            case "installation_id": state.installationID = value
            case "looks_for_updates": state.looksForUpdates = value != "0"
            case "manifest_issued_at": state.manifestIssuedAt = time(value)
            case "remote_access_end": state.remoteAccessEnd = time(value)
            default: break
            }
        }
        return state
    }

    static func put(_ state: ServiceState, in database: Database) throws {
        let values = [
            state.installationID, state.looksForUpdates ? "1" : "0",
            state.manifestIssuedAt.map { String($0.milliseconds) },
            state.remoteAccessEnd.map { String($0.milliseconds) },
        ]
        for (name, value) in zip(names, values) {
            if let value {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO service_state VALUES (?, ?)", arguments: [name, value])
            } else {
                try database.execute(sql: "DELETE FROM service_state WHERE name = ?", arguments: [name])
            }
        }
    }

    private static func time(_ text: String) -> UnixTime? { Int64(text).map { UnixTime(milliseconds: $0) } }
}
