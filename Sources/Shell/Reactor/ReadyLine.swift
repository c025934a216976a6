import Backup
package import Primitives

/// The line on standard output that says what is served, and where.
package struct ReadyLine: Sendable, Equatable {
    /// Name and address in the order in which they were bound: `sip-udp`, `sip-tcp`, `sips`, `https`; further ones of
    /// the same kind have a number.
    package private(set) var listeners: [(name: String, endpoint: Endpoint)] = []
    package let serial: String

    package init(serial: String) {
        self.serial = serial
    }

    package mutating func add(_ kind: String, _ endpoint: Endpoint) {
        let count = listeners.count {
            $0.name == kind || $0.name.hasPrefix(kind + "-") && Int($0.name.dropFirst(kind.count + 1)) != nil
        }
        listeners.append((count == 0 ? kind : "\(kind)-\(count + 1)", endpoint))
    }

    package subscript(name: String) -> Endpoint? { listeners.first { $0.name == name }?.endpoint }

    package static func == (left: Self, right: Self) -> Bool { left.json == right.json }

    /// `{"event":"ready","listeners":{"sip-udp":"127.0.0.1:5060",…},"serial":"…"}`
    package var json: String {
        let pairs = listeners.map { "\(JSONText.quoted($0.name)):\(JSONText.quoted("\($0.endpoint)"))" }
            .joined(separator: ",")
        return
            "{\"event\":\"ready\",\"listeners\":{\(pairs)},\"serial\":\(JSONText.quoted(serial))}"
    }
}
