package import SIPMessage

/// One call of a user as a busy lamp shows it (RFC 4235 section 4.1).
package struct WatchedDialog: Sendable, Equatable {
    package enum State: String, Sendable, Hashable { case trying, proceeding, early, confirmed, terminated }

    /// Whether the user's telephone called or was called.
    package enum Direction: String, Sendable, Hashable { case initiator, recipient }

    /// One side of the call.
    package struct Party: Sendable, Equatable {
        package var uri: SIPURI
        package var displayName: String?
        /// Where its requests go; nil: the same as `uri`.
        package var target: SIPURI?

        package init(uri: SIPURI, displayName: String? = nil, target: SIPURI? = nil) {
            self.uri = uri
            self.displayName = displayName
            self.target = target
        }
    }

    /// Names the dialog among those of the user, for as long as it lasts.
    package var id: String
    package var state: State
    package var direction: Direction
    /// Call-ID and tags from the user's telephone's point of view, with which another telephone of the same user takes the
    /// call (Replaces, RFC 3891); other watchers are not told.
    package var callID: String?
    package var localTag: String?
    package var remoteTag: String?
    /// The user's side and the other one; nil when it is to be kept private.
    package var local: Party?
    package var remote: Party?
    package var isHeld: Bool
    /// Why it ended (RFC 4235 section 4.1.3: `local-bye`, `cancelled` …), and the status that refused it.
    package var event: String?
    package var code: Int?

    package init(
        id: String, state: State, direction: Direction, callID: String? = nil, localTag: String? = nil,
        remoteTag: String? = nil, local: Party? = nil, remote: Party? = nil, isHeld: Bool = false, event: String? = nil,
        code: Int? = nil
    ) {
        self.id = id
        self.state = state
        self.direction = direction
        self.callID = callID
        self.localTag = localTag
        self.remoteTag = remoteTag
        self.local = local
        self.remote = remote
        self.isHeld = isHeld
        self.event = event
        self.code = code
    }

    /// Nothing but that there is a call, how far it is, and which way.
    var stateOnly: WatchedDialog { WatchedDialog(id: id, state: state, direction: direction) }

    var terminated: WatchedDialog {
        var ended = self
        ended.state = .terminated
        return ended
    }
}

/// `application/dialog-info+xml` (RFC 4235 section 4).
enum DialogInfoDocument {
    /// Above this many calls a change is told alone (`partial`); below, every document has them all: several makes of
    /// telephones read `full` only.
    static let partialAbove = 8

    /// - Parameters:
    ///   - current: the calls there are, at most `limit` of them are written.
    ///   - previous: what the subscriber was told last; what is missing since is written as `terminated`, once. Nil: the
    ///     subscriber knows nothing yet.
    ///   - ended: calls that ended lately, for the reason.
    static func bytes(
        entity: String, version: UInt32, current: [WatchedDialog], previous: [WatchedDialog]?,
        ended: [WatchedDialog], limit: Int
    ) -> [UInt8] {
        let gone = (previous ?? []).filter { old in
            old.state != .terminated && !current.contains { $0.id == old.id }
        }.map { old in
            var last = old.terminated
            let end = ended.last { $0.id == old.id }
            last.event = end?.event
            last.code = end?.code
            return last
        }
        let isPartial = previous != nil && current.count > partialAbove
        let told = isPartial ? current.filter { !(previous ?? []).contains($0) } : current
        var xml = XMLWriter()
        xml.begin(
            "dialog-info",
            [
                "xmlns": "urn:ietf:params:xml:ns:dialog-info", "version": String(version),
                "state": isPartial ? "partial" : "full", "entity": entity,
            ])
        for dialog in (gone + told).prefix(limit) { write(dialog, to: &xml) }
        return xml.finish()
    }

    private static func write(_ dialog: WatchedDialog, to xml: inout XMLWriter) {
        xml.begin(
            "dialog",
            [
                "id": dialog.id, "call-id": dialog.callID, "local-tag": dialog.localTag,
                "remote-tag": dialog.remoteTag, "direction": dialog.direction.rawValue,
            ])
        let isOver = dialog.state == .terminated
        xml.element(
            "state",
            ["event": isOver ? dialog.event : nil, "code": isOver ? dialog.code.map { String($0) } : nil],
            dialog.state.rawValue)
        write(dialog.local, as: "local", isHeld: dialog.isHeld, to: &xml)
        write(dialog.remote, as: "remote", isHeld: false, to: &xml)
        xml.end()
    }

    private static func write(
        _ party: WatchedDialog.Party?, as name: String, isHeld: Bool, to xml: inout XMLWriter
    ) {
        guard let party else { return }
        xml.begin(name)
        xml.element("identity", ["display": party.displayName], party.uri.description)
        xml.begin("target", ["uri": (party.target ?? party.uri).description])
        if isHeld { xml.element("param", ["pname": "+sip.rendering", "pval": "no"]) }
        xml.end()
        xml.end()
    }
}
