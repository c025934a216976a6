package import Applications

/// What an administrator wants of mailboxes, queues and rooms.
package enum ApplicationRequest: Sendable, Equatable {
    /// The messages of a box; nil: of all.
    case messages(box: String?)
    case deleteMessage(MessageID)
    /// Recordings of calls.
    case recordings
    case deleteRecording(user: String, number: Int64)
    case queues
    case rooms
    case lockRoom(String, Bool)
    case mute(CallerID, room: String, Bool)
    case remove(CallerID, room: String)
}

/// A conference room with a door as `pbxctl conferences` shows it.
package struct RoomSummary: Sendable, Equatable {
    package var number: String
    package var name: String
    package var isLocked: Bool
    package var occupants: [RoomOccupant]
    package init(number: String, name: String, isLocked: Bool, occupants: [RoomOccupant]) {
        self.number = number
        self.name = name
        self.isLocked = isLocked
        self.occupants = occupants
    }
}

/// A queue as `pbxctl queues` shows it.
package struct QueueSummary: Sendable, Equatable {
    package var number: String
    package var name: String
    package var waiting: Int
    /// Logged in, not paused.
    package var serving: [String]
    package init(number: String, name: String, waiting: Int, serving: [String]) {
        self.number = number
        self.name = name
        self.waiting = waiting
        self.serving = serving
    }
}
