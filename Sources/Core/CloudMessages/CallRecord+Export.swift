import Primitives

extension CallRecord {
    /// The same record with the last `digits` of the outside party's number as `x`, and without its name. Numbers of the
    /// appliance's own users stay: they say who telephoned, not with whom.
    package func anonymised(hiding digits: Int) -> CallRecord {
        guard digits > 0 else { return self }
        var record = self
        record.externalName = ""
        record.externalPhoneNumber = Self.hide(digits, of: externalPhoneNumber)
        return record
    }

    /// Of what has no digits, as a SIP address with a name, nothing is left.
    private static func hide(_ count: Int, of number: String) -> String {
        guard number.utf8.contains(where: { (48...57).contains($0) }) else { return "" }
        guard number.utf8.allSatisfy({ (48...57).contains($0) || "+*#-/(). ".utf8.contains($0) }) else { return "" }
        var left = count
        var hidden: [Character] = []
        for character in number.reversed() {
            let isHidden = left > 0 && character.isNumber
            if isHidden { left -= 1 }
            hidden.append(isHidden ? "x" : character)
        }
        return String(hidden.reversed())
    }
}

/// Call records as a table with commas (RFC 4180): a line of names, then a line for each record, all ended by CR LF. No
/// cell has line ends in it, so that a table may be read line by line.
package enum CallRecordTable {
    /// The names of FLOWS.md section 5, in its order.
    package static let columns = [
        "CallDataId", "startDate", "length", "externalName", "externalPhoneNumber", "msn", "userNumber", "userName",
        "connectedUserNumber", "connectedUserName", "groupNumber", "groupName", "cost", "costFactor", "direction",
        "callType", "success",
    ]

    package static var header: String { line(columns) }

    package static func line(of record: CallRecord) -> String {
        line([
            String(record.callDataID), record.startDate.rfc3339, String(record.lengthSeconds), record.externalName,
            record.externalPhoneNumber, record.msn, record.userNumber, record.userName, record.connectedUserNumber,
            record.connectedUserName, record.groupNumber, record.groupName, String(record.cost),
            String(record.costFactor), record.direction.rawValue, record.callType, record.success ? "true" : "false",
        ])
    }

    private static func line(_ cells: [String]) -> String { cells.map(cell).joined(separator: ",") + "\r\n" }

    /// Quoted where it must be. A name comes from whoever calls: one that a spreadsheet would calculate gets an apostrophe.
    private static func cell(_ text: String) -> String {
        var text = String(text.map { $0.isNewline ? " " : $0 })
        let isNumber = text.utf8.allSatisfy { (48...57).contains($0) || "+-.".utf8.contains($0) }
        if let first = text.utf8.first, "=+-@\t\r".utf8.contains(first), !isNumber { text = "'" + text }
        guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C }) else { return text }
        var quoted = "\""
        for character in text.unicodeScalars { quoted += character == "\"" ? "\"\"" : String(character) }
        return quoted + "\""
    }
}
