package import Persistence
package import Primitives

/// A sheet of paper with which a backup can be opened on any computer, when the appliance and the vendor are gone: the
/// encrypted identity, as a QR code and as numbered lines to type, and what to do with it. The password is not on it; it is
/// written down by hand, or better kept elsewhere.
package enum RecoverySheet {
    /// Characters of a line to type, before its check character.
    static let lineCharacters = 40
    /// Crockford's base 32, and behind it his five symbols that only a check character can be.
    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U".utf8)

    /// For a printer with a fixed-width font. `language` is `de` or anything else for English.
    package static func text(
        key: BackupKeyRecord, serial: String, at wall: UnixTime, language: String
    ) -> String {
        let armoured = armour(key.encryptedIdentity)
        let code = QRMatrix(Array(armoured.utf8))?.text ?? ""
        let head = language == "de" ? german(key, serial, wall) : english(key, serial, wall)
        return head + "\n" + code + "\n" + lines(key.encryptedIdentity).joined(separator: "\n") + "\n"
    }

    /// The encrypted identity in age's own armour (PEM form, RFC 7468): `age -d` takes it as a file.
    package static func armour(_ bytes: [UInt8]) -> String {
        let text = Array(Base64.encode(bytes).utf8)
        var result = "-----BEGIN AGE ENCRYPTED FILE-----\n"
        for start in stride(from: 0, to: text.count, by: 64) {
            result += String(decoding: text[start..<min(start + 64, text.count)], as: UTF8.self) + "\n"
        }
        return result + "-----END AGE ENCRYPTED FILE-----\n"
    }

    /// The bytes of an armoured file; others as they are.
    package static func unarmoured(_ bytes: [UInt8]) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        guard let first = lines.first, first.hasPrefix("-----BEGIN AGE ENCRYPTED FILE"), lines.count > 2 else {
            return bytes
        }
        return Base64.decode(lines.dropFirst().dropLast().joined()) ?? bytes
    }

    /// Numbered lines in Crockford's base 32, each with a check character of its own: a mistyped line names itself.
    package static func lines(_ bytes: [UInt8]) -> [String] {
        var symbols: [UInt8] = []
        var buffer = 0
        var bits = 0
        for byte in bytes {
            buffer = (buffer << 8 | Int(byte)) & 0xFFFF
            bits += 8
            while bits >= 5 {
                bits -= 5
                symbols.append(UInt8(buffer >> bits & 31))
            }
        }
        if bits > 0 { symbols.append(UInt8(buffer << (5 - bits) & 31)) }
        return stride(from: 0, to: symbols.count, by: lineCharacters).enumerated().map { number, start in
            let line = symbols[start..<min(start + lineCharacters, symbols.count)]
            let groups = stride(from: line.startIndex, to: line.endIndex, by: 5).map { first in
                String(decoding: line[first..<min(first + 5, line.endIndex)].map { alphabet[Int($0)] }, as: UTF8.self)
            }
            let check = String(decoding: [alphabet[Int(checkSymbol(line, number: number))]], as: UTF8.self)
            return "\(number < 9 ? " " : "")\(number + 1)  \(groups.joined(separator: " "))  \(check)"
        }
    }

    /// What the typed lines say; the error names the first line that is wrong. Case and spaces do not matter, and O, I and L
    /// are read as the digits that they look like.
    package static func bytes(of lines: [String]) throws(RecoverySheetError) -> [UInt8] {
        var symbols: [UInt8] = []
        for (number, text) in lines.enumerated() {
            var line: [UInt8] = []
            let typed = text.split(separator: " ").dropFirst().joined()
            for character in typed.uppercased().utf8 {
                let read: UInt8 =
                    switch character {
                    case UInt8(ascii: "O"): UInt8(ascii: "0")
                    case UInt8(ascii: "I"), UInt8(ascii: "L"): UInt8(ascii: "1")
                    default: character
                    }
                guard let value = alphabet.firstIndex(of: read) else { throw .line(number + 1) }
                line.append(UInt8(value))
            }
            guard let check = line.popLast(), checkSymbol(line[...], number: number) == check,
                line.allSatisfy({ $0 < 32 })
            else { throw .line(number + 1) }
            symbols += line
        }
        var result: [UInt8] = []
        var buffer = 0
        var bits = 0
        for symbol in symbols {
            buffer = (buffer << 5 | Int(symbol)) & 0xFFFF
            bits += 5
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: buffer >> bits))
            }
        }
        return result
    }

    /// Weighted by place, modulo the prime 37: a wrong character and two neighbours that changed places are seen; so is a
    /// line in another one's place.
    private static func checkSymbol(_ line: ArraySlice<UInt8>, number: Int) -> UInt8 {
        var sum = number + 1
        for (place, symbol) in line.enumerated() { sum += (place % 36 + 1) * Int(symbol) }
        return UInt8(sum % 37)
    }

    private static func english(_ key: BackupKeyRecord, _ serial: String, _ wall: UnixTime) -> String {
        """
        RECOVERY SHEET for the backups of appliance \(serial)
        Key \(key.keyID), printed \(wall.rfc3339.prefix(10))

        Keep it where a fire in the office does not reach it, and apart from the password.
        Without the password this sheet opens nothing; without this sheet the backup server's copy of the key is needed.

        To open a backup on any computer:
          1. Scan the code into a file 'key.age' (or type the lines below: base 32, the last character checks its line).
          2. age -d -o key.txt key.age          (asks for the password of the backup)
          3. age -d -i key.txt BACKUP.age | tar xz
        On an appliance: put key.age beside the backup as BACKUP.age.key and run 'pbxctl restore BACKUP.age'.

        """
    }

    private static func german(_ key: BackupKeyRecord, _ serial: String, _ wall: UnixTime) -> String {
        """
        WIEDERHERSTELLUNGSBLATT für die Sicherungen der Anlage \(serial)
        Schlüssel \(key.keyID), gedruckt am \(wall.rfc3339.prefix(10))

        Dort aufbewahren, wo ein Brand im Büro es nicht erreicht, und getrennt vom Passwort.
        Ohne das Passwort öffnet dieses Blatt nichts; ohne das Blatt braucht man den Schlüssel vom Sicherungsserver.

        So öffnet jeder Rechner eine Sicherung:
          1. Den Code in eine Datei 'key.age' einlesen (oder die Zeilen unten abtippen: Basis 32, das letzte Zeichen prüft).
          2. age -d -o key.txt key.age          (fragt nach dem Passwort der Sicherung)
          3. age -d -i key.txt SICHERUNG.age | tar xz
        Auf einer Anlage: key.age als SICHERUNG.age.key neben die Sicherung legen, dann 'pbxctl restore SICHERUNG.age'.

        """
    }
}

/// Which typed line of a recovery sheet is wrong.
package enum RecoverySheetError: Error, Sendable, Hashable, CustomStringConvertible {
    case line(Int)
    package var description: String {
        switch self {
        case .line(let number): "line \(number) of the recovery sheet is mistyped; compare it with the paper"
        }
    }
}
