import ArgumentParser
import Vectors

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the appliance's state, switches and counters.")

    @OptionGroup var remote: RemoteOptions

    func run() async throws {
        try await report { try await remote.perform(.get, "/v1/status") { print(Self.text($0)) } }
    }

    private static func text(_ status: JSONValue) -> String {
        let user = status["pairingUser"].text.map { " as \($0)" } ?? ""
        let backup = status["lastBackup"]
        var lines = [
            "Appliance      \(status["model"].shown), serial \(status["serial"].shown),"
                + " firmware \(status["firmwareVersion"].shown)",
            "Pairing        \(status["pairing"].shown)\(user)",
            "Uplink         \(status["uplink"].shown)",
            "Users          \(status["users"].shown)",
            "Registrations  \(status["registrations"].shown)",
            "Calls          \(status["calls"].shown)",
            "Audio          " + audio(status["audio"]),
            "Media          " + media(status["media"]),
            "Control loop   " + loop(status["loop"]),
            "Last backup    " + (backup == .null ? "none" : BackupCommand.summary(backup)),
        ]
        if let switches = status["switches"].object {
            var table = Table("Switch", "State")
            for (name, state) in switches.sorted(by: { $0.key < $1.key }) {
                table.add(name, state == .bool(true) ? "on" : "off")
            }
            lines += ["", table.text(absent: "")]
        }
        if let trunks = status["trunks"].list, !trunks.isEmpty {
            var table = Table("Trunk", "Calls", "Server", "State")
            for trunk in trunks {
                table.add(
                    trunk["name"].shown, trunk["calls"].shown, trunk["server"].text ?? "-", trunk["detail"].shown)
            }
            lines += ["", table.text(absent: "")]
        }
        var table = Table("Counter", "Value")
        for (name, value) in counters(status["counters"]) { table.add(name, value.shown) }
        lines += ["", table.text(absent: "Nothing was counted.")]
        return lines.joined(separator: "\n")
    }

    private static func audio(_ audio: JSONValue) -> String {
        let unheard = audio["unheard"].integer.map { $0 == 0 ? "everybody is heard" : "\($0) not heard" } ?? "-"
        return "\(audio["legs"].shown) legs, MOS \(audio["mos"].shown), \(unheard)"
    }

    /// What the media workers have time for, and how much of that is taken.
    private static func media(_ media: JSONValue) -> String {
        "\(media["sessions"].shown) sessions on \(media["workers"].shown) workers, \(media["charged"].shown) of"
            + " \(media["budget"].shown) ms of processor time a second"
            + (media["heldUp"] == .bool(true) ? "; held up, no call is let in" : "")
    }

    /// What the longest turns of the control loop took: how long a message may have had to wait.
    private static func loop(_ loop: JSONValue) -> String {
        "\(loop["turns"].shown) turns, p50 \(loop["p50"].shown) ms, p99.9 \(loop["p999"].shown) ms,"
            + " longest \(loop["longest"].shown) ms"
    }

    /// An object by name, or a list of `{name, value}`.
    private static func counters(_ value: JSONValue) -> [(String, JSONValue)] {
        if let list = value.list { return list.map { ($0["name"].shown, $0["value"]) } }
        return (value.object ?? [:]).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
