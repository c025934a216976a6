/// The languages of what the owner hands to somebody who asks what is known about them.
package enum Language: String, Hashable, Sendable, CaseIterable {
    case english = "en"
    case german = "de"
}

extension FlowID {
    /// What happens, in a few words that need no knowledge of the appliance.
    package func title(in language: Language) -> String {
        if language == .english { return Contract.flow(self)?.title ?? rawValue }
        return switch self {
        case .c1: "Anmeldung der Anlage im Control Center mit ihrer Seriennummer"
        case .c2: "Bestätigungscode an die Anlage"
        case .c3: "Benutzer für die Paarung an das Control Center"
        case .c4: "Nachricht an das Control Center, dass die Paarung aufgehoben ist"
        case .c5: "Monitoring-Werte"
        case .c6: "Gesprächsdatensätze an den Browser des Anwenders"
        case .c7: "Anfrage, ob der Backup-Service verfügbar ist"
        case .c8: "verschlüsseltes Backup"
        case .c9: "Backups auflisten, holen und löschen im Control Center"
        case .c10: "Fernkonfiguration"
        case .c11: "Zugriffsprotokoll der Fernkonfiguration"
        case .c12: "Einlösen eines Lizenzgutscheins"
        case .c13: "Zustand der Anlage für das gepaarte Control Center"
        case .s1: "Herunterladen aus einem App Store"
        case .s2: "Suche nach Updates"
        case .s3: "Provisionierungsdatei an einen identifizierten Client"
        case .s4: "Protokoll der Konfigurationsanfragen"
        case .s5: "Standort der Anlage im Netz beim Proxy"
        case .s6: "Signalisierung, Sprache und Provisionierung entfernter Clients"
        case .s7: "Adresse eines mobilen Clients beim Push-Server"
        case .s8: "Push-Nachricht zum Aufwecken"
        case .s9: "Push-Diagnose"
        case .s10: "Absturzbericht"
        case .s11: "Kontakte eines Dritten"
        }
    }
}

extension Party {
    package func name(in language: Language) -> String {
        let german = language == .german
        return switch self {
        case .appliance: german ? "die Anlage" : "the appliance"
        case .controlCenter: "Control Center"
        case .relay: german ? "Proxy-Server" : "proxy server"
        case .monitoring: german ? "Monitoring-Server" : "monitoring server"
        case .backup: german ? "Backup-Server" : "backup server"
        case .remoteAccess: german ? "Fernzugriffs-Server" : "remote access server"
        case .voucherCenter: "Voucher Center"
        case .push: german ? "Push-Server" : "push server"
        case .update: german ? "Update-Server" : "update server"
        case .crash: german ? "Server für Absturzberichte" : "crash report server"
        case .client: german ? "eigenes Telefon oder Softphone" : "the user's own telephone or softphone"
        case .browser: german ? "Browser des Anwenders" : "the user's browser"
        case .googlePush: german ? "Push-Dienst von Google" : "Google's push service"
        case .applePush: german ? "Push-Dienst von Apple" : "Apple's push service"
        case .googleContacts: german ? "Kontakte bei Google" : "Google's contacts"
        case .appStore: "App Store"
        case .vendor: german ? "der Hersteller" : "the vendor"
        }
    }
}

extension Country {
    package func name(in language: Language) -> String {
        switch self {
        case .germany: language == .german ? "Deutschland" : "Germany"
        case .bulgaria: language == .german ? "Bulgarien" : "Bulgaria"
        case .unitedStates: language == .german ? "USA" : "USA"
        }
    }
}

extension Clock {
    package func text(in language: Language) -> String {
        guard language == .german else { return text }
        return switch self {
        case .untilForwarded: "sofort nach der Weiterleitung gelöscht"
        case .untilReplaced: "nur der neueste Wert"
        case .days(let count): "\(count) Tage"
        case .months(let count): "\(count) Monate"
        case .whileDisplayed: "nur für die Anzeige vorgehalten"
        case .untilDeletedByOwner: "bis der Eigentümer löscht oder ausschaltet"
        case .forever: "unbegrenzt"
        case .never: "wird nicht gespeichert"
        }
    }
}

extension FieldName {
    /// The field as somebody reads it who does not know the protocol; its own name where that says enough. A call record
    /// has a `userName` too, which is no generated one.
    package func label(in language: Language, of flow: FlowID) -> String {
        let served = flow == .c6 || flow == .c13
        guard let pair = served ? Self.servedLabels[self] : Self.labels[self] else { return rawValue }
        return language == .german ? pair.german : pair.english
    }

    private static let servedLabels: [FieldName: (english: String, german: String)] = [
        FieldName("CallDataId"): ("number of the record", "Nummer des Datensatzes"),
        FieldName("startDate"): ("start", "Beginn"),
        FieldName("length"): ("length", "Dauer"),
        FieldName("externalName"): ("name outside", "externer Name"),
        FieldName("externalPhoneNumber"): ("number outside", "externe Rufnummer"),
        FieldName("msn"): ("own outside number", "eigene externe Rufnummer"),
        FieldName("userNumber"): ("user's number", "Nummer des Benutzers"),
        FieldName("userName"): ("user's name", "Name des Benutzers"),
        FieldName("connectedUserNumber"): ("connected user's number", "Nummer des verbundenen Benutzers"),
        FieldName("connectedUserName"): ("connected user's name", "Name des verbundenen Benutzers"),
        FieldName("groupNumber"): ("group's number", "Nummer der Gruppe"),
        FieldName("groupName"): ("group's name", "Name der Gruppe"),
        FieldName("cost"): ("cost", "Kosten"),
        FieldName("costFactor"): ("cost factor", "Kostenfaktor"),
        FieldName("direction"): ("direction", "Richtung"),
        FieldName("callType"): ("kind of call", "Art des Gesprächs"),
        FieldName("success"): ("answered or not", "angenommen oder nicht"),
        FieldName("model"): ("model", "Modell"),
        FieldName("firmwareVersion"): ("firmware version", "Firmware-Version"),
        FieldName("edition"): ("edition", "Edition"),
        FieldName("registeredUsers"): ("number of registered users", "Zahl der angemeldeten Benutzer"),
        FieldName("activeCalls"): ("number of calls", "Zahl der Gespräche"),
        FieldName("services"): ("services switched on", "eingeschaltete Dienste"),
    ]

    private static let labels: [FieldName: (english: String, german: String)] = [
        .userName: ("generated user name", "generierter Benutzername"),
        .password: ("generated password", "generiertes Passwort"),
        .tokenID: ("reference to the confirmation code", "Verweis auf den Bestätigungscode"),
        .revocation: ("revocation of the pairing", "Widerruf der Paarung"),
        .metrics: ("load, memory and counters of the appliance", "Auslastung, Speicher und Zähler der Anlage"),
        .serial: ("serial number", "Seriennummer"),
        .externalAddress: ("external IP address", "externe IP-Adresse"),
        .externalPort: ("external port", "externer Port"),
        .certificate: ("certificate of the appliance", "Zertifikat der Anlage"),
        .ciphertext: ("encrypted configuration", "verschlüsselte Konfiguration"),
        .size: ("size", "Größe"),
        .time: ("time", "Zeitpunkt"),
        .keyID: ("name of the key", "Name des Schlüssels"),
        .identification: ("identification of the client", "Identifikation des Clients"),
        .provisioningFile: ("provisioning file", "Provisionierungsdatei"),
        .pushToken: ("push token", "Push-Token"),
        .adminSession: ("session of the administration", "Sitzung der Administration"),
        .version: ("firmware version", "Firmware-Version"),
        .operatingSystem: ("operating system", "Betriebssystem"),
        .installationID: ("random number of the installation", "Zufallszahl der Installation"),
        .activationStatus: ("activated or not", "aktiviert oder nicht"),
        FieldName("make"): ("make of the appliance", "Hersteller der Anlage"),
        FieldName("model"): ("model of the appliance", "Modell der Anlage"),
        FieldName("codename"): ("code name of the board", "Codename der Platine"),
        FieldName("osVersion"): ("version of the operating system", "Version des Betriebssystems"),
        FieldName("language"): ("language set", "eingestellte Sprache"),
        FieldName("appVersion"): ("version of the program", "Version des Programms"),
        FieldName("appName"): ("name of the program", "Name des Programms"),
        .startTime: ("when the program was started", "Startzeit des Programms"),
        .crashDate: ("day of the crash", "Tag des Absturzes"),
    ]
}
