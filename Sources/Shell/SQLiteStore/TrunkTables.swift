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

    /// A setting of a user or a trunk that only firmware of another version knows.
    struct ForeignField {
        let table: String
        let owner: String
        let name: String
        let value: String
    }

    /// Those that are there; none in a database from before there were such tables.
    static func foreignFields(_ database: Database) throws -> [ForeignField] {
        guard try database.tableExists("trunk_setting") else { return [] }
        let users = try Row.fetchAll(database, sql: "SELECT extension AS owner, name, value FROM user_setting")
        let trunks = try Row.fetchAll(database, sql: "SELECT trunk AS owner, name, value FROM trunk_setting")
        return users.filter { !isOurs(user: $0["name"]) }.map { foreign($0, in: "user_setting") }
            + trunks.filter { !TrunkSettings.knows(field: $0["name"] as String) }.map {
                foreign($0, in: "trunk_setting")
            }
    }

    private static func isOurs(user name: String) -> Bool {
        name == "caller_number" || UserFeatures.names.contains(name)
    }

    private static func foreign(_ row: Row, in table: String) -> ForeignField {
        ForeignField(table: table, owner: row["owner"], name: row["name"], value: row["value"])
    }

    /// For the users and trunks that are still there.
    static func putBack(_ fields: [ForeignField], in database: Database) throws {
        for field in fields {
            let (owners, key) = field.table == "user_setting" ? ("user", "extension") : ("trunk", "name")
            try database.execute(
                sql: "INSERT INTO \(field.table) SELECT \(key), ?, ? FROM \(owners) WHERE \(key) = ?",
                arguments: [field.name, field.value, field.owner])
        }
    }

    /// Adds to `settings`, which has its users. Throws `StoreFailure.damaged` for what no firmware of this version
    /// writes.
    static func read(_ database: Database, into settings: inout ApplianceSettings) throws {
        for row in try Row.fetchAll(database, sql: "SELECT extension, name, value FROM user_setting") {
            let number: String = row["extension"]
            // Other names are those of firmware of another version.
            guard let index = settings.users.firstIndex(where: { $0.extension == number }) else { continue }
            switch row["name"] as String {
            case "caller_number": settings.users[index].callerNumber = row["value"]
            case let name where UserFeatures.names.contains(name):
                guard settings.users[index].features.set(name, row["value"]) else {
                    throw StoreFailure.damaged("setting '\(name)' of user \(number)")
                }
            default: break
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
