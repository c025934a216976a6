package import Primitives
package import PrivacyContract

/// A readable answer to somebody who asks what has left the appliance: made from the ledger and the contract alone, so it
/// names fields, never contents.
package struct LedgerAnswer: Sendable {
    private let entries: [LedgerEntry]
    private let verdict: LedgerVerdict
    private let serial: String
    private let language: Language

    /// - Parameter entries: the whole ledger, ascending, as `Ledger.judge` has judged it.
    package init(entries: [LedgerEntry], verdict: LedgerVerdict, serial: String, language: Language) {
        self.entries = entries
        self.verdict = verdict
        self.serial = serial
        self.language = language
    }

    /// The letter, as plain text.
    package func text(at time: UnixTime) -> String {
        let used = Contract.flows.filter { flow in entries.contains { $0.flow == flow.id } }
        var lines = heading(time) + [""]
        for flow in used { lines += chapter(flow) + [""] }
        return (lines + never(used) + [""] + limits + [""] + proof).joined(separator: "\n") + "\n"
    }

    private func say(_ english: String, _ german: String) -> String { language == .german ? german : english }

    private func heading(_ time: UnixTime) -> [String] {
        let title = say("What has left the appliance \(serial)", "Was die Anlage \(serial) verlassen hat")
        let period: String
        if let first = entries.first, let last = entries.last {
            period = say(
                "The ledger covers \(first.time.rfc3339) to \(last.time.rfc3339): \(entries.count) entries,"
                    + " \(verdict.byteCount) bytes.",
                "Das Verzeichnis umfasst \(first.time.rfc3339) bis \(last.time.rfc3339): \(entries.count) Einträge,"
                    + " \(verdict.byteCount) Bytes.")
        } else {
            period = say("Nothing has left it.", "Nichts hat sie verlassen.")
        }
        return [
            title, String(repeating: "=", count: title.count), say("Made", "Erstellt") + " " + time.rfc3339, period,
        ]
    }

    private func chapter(_ flow: Flow) -> [String] {
        let own = entries.filter { $0.flow == flow.id }
        let sent = own.filter { $0.bytes > 0 || $0.result.hasPrefix("sent") }
        let title = "\(flow.id.rawValue)  \(flow.id.title(in: language))"
        var lines = [title, String(repeating: "-", count: title.count)]
        let recipients = own.reduce(into: [Recipient]()) { if !$0.contains($1.recipient) { $0.append($1.recipient) } }
        lines.append(say("To:         ", "An:         ") + recipients.map { place($0.party) }.joined(separator: "; "))
        if !flow.via.isEmpty {
            lines.append(say("Through:    ", "Über:       ") + flow.via.map { place($0.party) }.joined(separator: "; "))
        }
        if !flow.onward.isEmpty {
            lines.append(say("Passed on:  ", "Weiter an:  ") + flow.onward.map(place).joined(separator: "; "))
        }
        lines.append(say("Fields:     ", "Felder:     ") + fields(of: own, in: flow.id))
        lines.append(say("How often:  ", "Wie oft:    ") + count(own, sent))
        lines.append(say("Allowed by: ", "Grundlage:  ") + basis(flow))
        if let promise = flow.retention.flatMap(Contract.promise) {
            lines.append(
                say("Kept there: ", "Dort:       ") + "\(promise.clock.text(in: language)) (\(promise.id.rawValue))")
        }
        let switches = flow.switches.map(\.rawValue).joined(separator: ", ")
        lines.append(say("Off switch: ", "Schalter:   ") + (switches.isEmpty ? say("none", "keiner") : switches))
        return lines
    }

    private func basis(_ flow: Flow) -> String {
        let places = flow.clauses.map { $0.text(in: language) }.joined(separator: "; ")
        switch flow.basis {
        case .clause: return places
        case .assumption: return say("an assumption; next to it is ", "eine Annahme; am nächsten kommt ") + places
        case .incompleteClause: return places + say("; no country is named", "; kein Land ist genannt")
        case .none: return say("nothing", "nichts")
        }
    }

    private func place(_ party: Party) -> String {
        let name = party.name(in: language)
        guard party.isServer else { return name }
        return "\(name) (\(party.country?.name(in: language) ?? say("country not known", "Land nicht bekannt")))"
    }

    private func fields(of own: [LedgerEntry], in flow: FlowID) -> String {
        var names: [FieldName] = []
        for name in own.flatMap(\.fieldNames) where !names.contains(name) { names.append(name) }
        return names.isEmpty
            ? say("none", "keine") : names.map { $0.label(in: language, of: flow) }.joined(separator: ", ")
    }

    private func count(_ own: [LedgerEntry], _ sent: [LedgerEntry]) -> String {
        let bytes = own.reduce(Int64(0)) { $0 + $1.bytes }
        var text = say(
            "\(sent.count) \(sent.count == 1 ? "entry" : "entries"), \(bytes) bytes",
            "\(sent.count) \(sent.count == 1 ? "Eintrag" : "Einträge"), \(bytes) Bytes")
        if let first = sent.first, let last = sent.last {
            text += say(
                ", from \(first.time.rfc3339) to \(last.time.rfc3339)",
                ", von \(first.time.rfc3339) bis \(last.time.rfc3339)")
        }
        let held = own.count - sent.count
        if held > 0 { text += say("; \(held) more were held back", "; \(held) weitere wurden zurückgehalten") }
        return text
    }

    private func never(_ used: [Flow]) -> [String] {
        let unused = Contract.flows.filter { flow in
            flow.direction == .sent && flow.id != .s6 && !used.contains { $0.id == flow.id }
        }
        guard !unused.isEmpty else { return [] }
        let title = say("Allowed, and never used", "Erlaubt, und nie benutzt")
        return [title, String(repeating: "-", count: title.count)]
            + unused.map { "\($0.id.rawValue)  \($0.id.title(in: language))" }
    }

    private var limits: [String] {
        [
            say(
                "Not in the ledger: calls of the users themselves, to their own telephones, to their lines and, while the"
                    + " proxy is switched on, through it to their softphones (F-S6).",
                "Nicht im Verzeichnis: die Gespräche der Benutzer selbst, zu ihren eigenen Telefonen, auf ihren Leitungen"
                    + " und, solange der Proxy eingeschaltet ist, durch ihn zu ihren Softphones (F-S6)."),
            say(
                "The ledger holds names of fields, times and sizes, never contents.",
                "Das Verzeichnis enthält Namen von Feldern, Zeiten und Größen, nie Inhalte."),
        ]
    }

    private var proof: [String] {
        let chain = say(
            "The hash chain holds; its last hash is \(Hex.encode(verdict.head)).",
            "Die Hash-Kette ist unversehrt; ihr letzter Hash ist \(Hex.encode(verdict.head)).")
        let signed =
            verdict.signedThrough == 0
            ? say("No entry is signed yet.", "Noch kein Eintrag ist signiert.")
            : say(
                "The device's key signed it up to entry \(verdict.signedThrough).",
                "Der Schlüssel des Geräts hat es bis zum Eintrag \(verdict.signedThrough) signiert.")
        return [chain, signed]
    }
}
