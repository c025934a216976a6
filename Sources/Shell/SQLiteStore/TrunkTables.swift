import GRDB
import Persistence
import Primitives
import Settings

/// Trunks, rules for outgoing calls, and what users have besides name and password.
enum TrunkTables {
    /// Into empty tables.
    static func insert(_ settings: ApplianceSettings, in database: Database) throws {
        for user in settings.users {
            guard let number = user.callerNumber else { continue }
            try database.execute(
                sql: "INSERT INTO user_setting (extension, name, value) VALUES (?, 'caller_number', ?)",
                arguments: [user.extension, number])
        }
        for (position, trunk) in settings.trunks.enumerated() {
            try database.execute(
                sql: "INSERT INTO trunk (name, position, password) VALUES (?, ?, ?)",
                arguments: [trunk.name, position, trunk.password?.blob])
            for field in trunk.fields {
                try database.execute(
                    sql: "INSERT INTO trunk_setting (trunk, name, value) VALUES (?, ?, ?)",
                    arguments: [trunk.name, field.name, field.value])
            }
            for (index, number) in trunk.numbers.enumerated() {
                try database.execute(
                    sql: "INSERT INTO trunk_number (trunk, position, number, destination) VALUES (?, ?, ?, ?)",
                    arguments: [trunk.name, index, number.number, number.destination])
            }
        }
        for (position, rule) in settings.outgoing.rules.enumerated() {
            try database.execute(
                sql: "INSERT INTO outgoing_rule (position, prefix) VALUES (?, ?)", arguments: [position, rule.prefix])
            for (index, trunk) in rule.trunks.enumerated() {
                try database.execute(
                    sql: "INSERT INTO outgoing_rule_trunk (rule, position, trunk) VALUES (?, ?, ?)",
                    arguments: [position, index, trunk])
            }
        }
    }

    /// Adds to `settings`, which has its users. Throws `StoreFailure.damaged` for what no firmware of this version
    /// writes.
    static func read(_ database: Database, into settings: inout ApplianceSettings) throws {
        for row in try Row.fetchAll(database, sql: "SELECT extension, name, value FROM user_setting") {
            let number: String = row["extension"]
            guard let index = settings.users.firstIndex(where: { $0.extension == number }) else { continue }
            switch row["name"] as String {
            case "caller_number": settings.users[index].callerNumber = row["value"]
            case let name: throw StoreFailure.damaged("unknown setting '\(name)' of user \(number)")
            }
        }
        let fields = Dictionary(
            grouping: try Row.fetchAll(database, sql: "SELECT trunk, name, value FROM trunk_setting"),
            by: { $0["trunk"] as String })
        let numbers = Dictionary(
            grouping: try Row.fetchAll(
                database, sql: "SELECT trunk, number, destination FROM trunk_number ORDER BY trunk, position"),
            by: { $0["trunk"] as String })
        for row in try Row.fetchAll(database, sql: "SELECT name, password FROM trunk ORDER BY position") {
            let name: String = row["name"]
            let texts = (fields[name] ?? []).map { TrunkSettings.Field($0["name"], $0["value"]) }
            guard var trunk = TrunkSettings(name: name, fields: texts) else {
                throw StoreFailure.damaged("the settings of trunk '\(name)' cannot be read")
            }
            if (row["password"] as DatabaseValue?)?.isNull == false { trunk.password = Secret(row.bytes("password")) }
            trunk.numbers = (numbers[name] ?? []).map {
                DirectNumber(number: $0["number"], destination: $0["destination"])
            }
            settings.trunks.append(trunk)
        }
        let names = Dictionary(
            grouping: try Row.fetchAll(
                database, sql: "SELECT rule, trunk FROM outgoing_rule_trunk ORDER BY rule, position"),
            by: { $0["rule"] as Int })
        for row in try Row.fetchAll(database, sql: "SELECT position, prefix FROM outgoing_rule ORDER BY position") {
            settings.outgoing.rules.append(
                OutgoingRule(prefix: row["prefix"], trunks: (names[row["position"]] ?? []).map { $0["trunk"] }))
        }
    }
}
