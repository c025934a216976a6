import GRDB
import Persistence
import Settings

/// What users, groups and the office have switched on, as named values beside their other settings.
enum FeatureTables {
    /// Into empty tables that have their users.
    static func insert(_ settings: ApplianceSettings, in database: Database) throws {
        for user in settings.users { try insert(user.features, of: user.extension, in: database) }
        for group in settings.groups {
            for field in group.fields {
                try put("groups.\(group.extension).\(field.name)", field.value, in: database)
            }
        }
        for field in settings.features.office.fields { try put("office.\(field.name)", field.value, in: database) }
    }

    /// A user has switched something; without effect when there is no such user.
    static func replace(_ features: UserFeatures, of number: String, in database: Database) throws {
        guard
            try Bool.fetchOne(
                database, sql: "SELECT EXISTS (SELECT 1 FROM user WHERE extension = ?)", arguments: [number]) == true
        else { return }
        for name in UserFeatures.names {
            try database.execute(
                sql: "DELETE FROM user_setting WHERE extension = ? AND name = ?", arguments: [number, name])
        }
        try insert(features, of: number, in: database)
    }

    static func setNight(_ isOn: Bool, in database: Database) throws {
        try put("office.night", isOn ? "true" : "false", in: database)
    }

    /// Takes in a named value of the `setting` table; false when it is none of these. Groups must be known.
    static func read(_ name: String, _ value: String, into settings: inout ApplianceSettings) throws -> Bool {
        let parts = name.split(separator: ".", maxSplits: 2).map { String($0) }
        if parts.count == 3, parts[0] == "groups" {
            guard let index = settings.groups.firstIndex(where: { $0.extension == parts[1] }) else { return true }
            guard settings.groups[index].set(parts[2], value) else { throw damaged(name) }
            return true
        }
        guard parts.count >= 2, parts[0] == "office" else { return false }
        guard settings.features.office.set(parts.dropFirst().joined(separator: "."), value) else {
            throw damaged(name)
        }
        return true
    }

    static func isFeature(_ name: String) -> Bool { name.hasPrefix("office.") || name.hasPrefix("groups.") }

    private static func damaged(_ name: String) -> StoreFailure {
        .damaged("'\(name)' has a value that this firmware does not know")
    }

    private static func insert(_ features: UserFeatures, of number: String, in database: Database) throws {
        for field in features.fields {
            try database.execute(
                sql: "INSERT INTO user_setting (extension, name, value) VALUES (?, ?, ?)",
                arguments: [number, field.name, field.value])
        }
    }

    private static func put(_ name: String, _ value: String, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", arguments: [name, value])
    }
}
