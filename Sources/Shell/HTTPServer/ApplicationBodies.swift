import ApplianceCore
import Applications
import CloudWire
import Primitives

/// A voice message, without its sound.
struct VoiceMessageBody: Codable {
    var box: String
    var number: Int64
    var caller: String
    var left: String
    var seconds: Int
    var new: Bool

    init(_ message: VoiceMessage) {
        box = message.id.box
        number = message.id.number
        caller = message.caller
        left = message.left.rfc3339
        seconds = message.seconds
        new = message.isNew
    }
}

struct MessagesBody: Codable { var messages: [VoiceMessageBody] }

struct QueueBody: Codable {
    var number: String
    var name: String
    var waiting: Int
    var serving: [String]

    init(_ queue: QueueSummary) {
        number = queue.number
        name = queue.name
        waiting = queue.waiting
        serving = queue.serving
    }
}

struct QueuesBody: Codable { var queues: [QueueBody] }

/// Somebody in a conference room; `participant` names them for a change.
struct OccupantBody: Codable {
    var participant: UInt64
    var number: String
    var name: String
    var host: Bool
    var muted: Bool
    var seconds: Int

    init(_ occupant: RoomOccupant) {
        participant = occupant.caller.value
        number = occupant.number
        name = occupant.name
        host = occupant.isHost
        muted = occupant.isMuted
        seconds = occupant.seconds
    }
}

struct RoomBody: Codable {
    var number: String
    var name: String
    var locked: Bool
    var participants: [OccupantBody]

    init(_ room: RoomSummary) {
        number = room.number
        name = room.name
        locked = room.isLocked
        participants = room.occupants.map(OccupantBody.init)
    }
}

struct RoomsBody: Codable { var conferences: [RoomBody] }

/// One change of a room: `lock`, or a participant with `mute` or `remove`.
struct RoomChangeBody: Codable {
    var lock: Bool?
    var participant: UInt64?
    var mute: Bool?
    var remove: Bool?
}
