import Primitives

/// What is known of a user, for all packages.
struct ResourceState: Sendable, Equatable {
    var dialogs: [WatchedDialog] = []
    var contacts: [WatchedContact] = []
    var summary: MessageSummary?
    /// Calls that ended last, with the reason; a NOTIFY may tell of them a little later.
    private(set) var ended: [WatchedDialog] = []

    private static let endedKept = 4

    var isEmpty: Bool { dialogs.isEmpty && contacts.isEmpty && summary == nil && ended.isEmpty }

    /// A call has begun, changed or, with `.terminated`, ended.
    mutating func note(_ dialog: WatchedDialog) {
        let index = dialogs.firstIndex { $0.id == dialog.id }
        switch (index, dialog.state == .terminated) {
        case (let index?, false): dialogs[index] = dialog
        case (nil, false): dialogs.append(dialog)
        case (nil, true): break
        case (let index?, true):
            dialogs.remove(at: index)
            ended.append(dialog)
            if ended.count > Self.endedKept { ended.removeFirst() }
        }
    }

    func view(of package: EventPackage, isFull: Bool) -> EventView {
        switch package {
        case .dialog: .dialogs(isFull ? dialogs : dialogs.map(\.stateOnly))
        case .messageSummary: .summary(summary ?? MessageSummary())
        case .registration: .contacts(contacts)
        case .presence:
            .presence(
                Presence(
                    isOpen: !contacts.isEmpty,
                    isOnThePhone: isFull
                        && dialogs.contains {
                            $0.state == .confirmed || ($0.direction == .initiator && $0.state != .terminated)
                        }))
        }
    }
}

/// What one subscriber may see of a user: two equal ones need no NOTIFY between them.
enum EventView: Sendable, Equatable {
    case dialogs([WatchedDialog])
    case summary(MessageSummary)
    case contacts([WatchedContact])
    case presence(Presence)

    /// The body of a NOTIFY. `previous` is what the subscriber was told last, nil when everything is to be told.
    func body(
        entity: String, version: UInt32, previous: EventView?, ended: [WatchedDialog], limits: Limits, at now: Instant
    ) -> [UInt8] {
        switch (self, previous) {
        case (.dialogs(let dialogs), .dialogs(let old)):
            DialogInfoDocument.bytes(
                entity: entity, version: version, current: dialogs, previous: old, ended: ended,
                limit: limits.watchedDialogs)
        case (.dialogs(let dialogs), _):
            DialogInfoDocument.bytes(
                entity: entity, version: version, current: dialogs, previous: nil, ended: [],
                limit: limits.watchedDialogs)
        case (.contacts(let contacts), .contacts(let old)):
            RegistrationDocument.bytes(
                entity: entity, version: version, current: contacts, previous: old, at: now)
        case (.contacts(let contacts), _):
            RegistrationDocument.bytes(
                entity: entity, version: version, current: contacts, previous: nil, at: now)
        case (.summary(let summary), _): summary.bytes(account: entity)
        case (.presence(let presence), _): presence.bytes(entity: entity)
        }
    }
}
