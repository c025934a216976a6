import Primitives

/// What is known of a user, for all packages.
struct ResourceState: Sendable, Equatable {
    var dialogs: [WatchedDialog] = []
    var contacts: [WatchedContact] = []
    var summary: MessageSummary?

    var isEmpty: Bool { dialogs.isEmpty && contacts.isEmpty && summary == nil }

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
    func body(entity: String, version: UInt32, previous: EventView?, limits: Limits, at now: Instant) -> [UInt8] {
        switch (self, previous) {
        case (.dialogs(let dialogs), .dialogs(let old)):
            DialogInfoDocument.bytes(
                entity: entity, version: version, current: dialogs, previous: old, limit: limits.watchedDialogs)
        case (.dialogs(let dialogs), _):
            DialogInfoDocument.bytes(
                entity: entity, version: version, current: dialogs, previous: nil, limit: limits.watchedDialogs)
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
