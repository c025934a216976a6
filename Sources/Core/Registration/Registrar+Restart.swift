package import Persistence
package import Primitives
import SIPMessage
package import SIPTransaction

extension Registrar {
    /// Takes up what the store kept; none outlives the longest registration from now, whatever the wall clock did
    /// meanwhile.
    ///
    /// Connections are gone after a restart: bindings over TCP and TLS come back without one. Such a phone is called
    /// over a new connection if its Contact or Path can be dialled, and not at all until it registers again if not. The
    /// stored expiry may be a few seconds too early (see `takeDirty`).
    package mutating func restore(
        _ records: [BindingRecord], of addressOfRecord: String, at now: Instant, wall: UnixTime
    ) {
        var bindings: [Binding] = []
        for record in records.suffix(limits.bindingsPerUser) {
            guard let contact = try? NameAddress(parsing: record.contact),
                var flow = SIPFlow(registrationText: record.flow), record.expiresAt > wall,
                let path = Self.path(record.path)
            else { continue }
            let source = flow.remote.address
            if flow.transport != .udp, let dialed = flow.dialing((path.first ?? contact).uri) { flow = dialed }
            let remaining = min(record.expiresAt - wall, .seconds(limits.bindingExpiry.upperBound))
            refreshCounter += 1
            bindings.append(
                Binding(
                    contact: contact, flow: flow, path: path, callID: record.callID, cseq: record.cseq,
                    expiresAt: now + remaining, expiresAtWall: wall + remaining,
                    seconds: Int(remaining.wholeMilliseconds / 1000), userAgent: record.userAgent,
                    refreshOrder: refreshCounter, isOutbound: record.isOutbound, publicGRUU: record.publicGRUU,
                    source: source))
        }
        if !bindings.isEmpty { setBindings(of: addressOfRecord, to: bindings) }
    }

    private static func path(_ text: String) -> [NameAddress]? {
        guard !text.isEmpty else { return [] }
        return try? SIPRequest(
            method: .register, uri: SIPURI(host: "localhost"), headers: SIPHeaders([.init(.path, text)])
        ).paths()
    }

    /// The listeners' addresses after a restart: restored bindings are reached from there.
    package mutating func listening(on listeners: [ListenerAddress]) {
        self.listeners = listeners
        for name in table.keys.sorted() {
            for index in (table[name]?.bindings ?? []).indices {
                guard let flow = table[name]?.bindings[index].flow, flow.connection == nil,
                    let local = listeners.local(for: flow.transport, towards: flow.remote.address)
                else { continue }
                table[name]?.bindings[index].flow.local = local
            }
        }
    }
}
