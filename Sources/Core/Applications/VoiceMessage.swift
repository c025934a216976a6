package import Media
package import Primitives

/// Names one message of a mailbox. Number 0 is the box's own greeting.
package struct MessageID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package var box: String
    package var number: Int64

    package init(box: String, number: Int64) {
        self.box = box
        self.number = number
    }

    /// Names the recording of a user's call; it is no message, and in no box.
    package static func recording(of user: String, number: Int64) -> MessageID {
        MessageID(box: "r\(user)", number: number)
    }
    package var isRecording: Bool { box.hasPrefix("r") }

    package static func greeting(of box: String) -> MessageID { MessageID(box: box, number: 0) }

    package static func < (left: Self, right: Self) -> Bool { (left.box, left.number) < (right.box, right.number) }
    package var description: String { "\(box)-\(number)" }
}

/// A message as its box knows it; the sound is in a file.
package struct VoiceMessage: Hashable, Sendable {
    package var id: MessageID
    /// The caller's number; empty: not known.
    package var caller: String
    /// When it was begun.
    package var left: UnixTime
    package var seconds: Int
    package var isNew: Bool

    package init(id: MessageID, caller: String, left: UnixTime, seconds: Int, isNew: Bool) {
        self.id = id
        self.caller = caller
        self.left = left
        self.seconds = seconds
        self.isNew = isNew
    }
}

/// What is asked of who keeps the files of messages. Each is carried out after those before it.
package enum MessageCommand: Hashable, Sendable {
    /// The blocks of that recording are the message's sound; answered by `.written` at its end. An older greeting is
    /// replaced.
    case begin(RecordingID, VoiceMessage)
    /// Forget a recording that never began.
    case delete(MessageID)
    case markHeard(MessageID)
    /// Answered by `.loaded`.
    case load(MessageID, for: CallerID)
}

/// What is told of the files of messages.
package enum MessageEvent: Hashable, Sendable {
    /// Everything that is there, once, at the start; greetings among it.
    case found([VoiceMessage])
    case written(RecordingID, seconds: Int)
    /// Nothing was written, or it could not be; the reason.
    case notWritten(RecordingID, String)
    /// Nil: the message cannot be read.
    case loaded(MessageID, for: CallerID, AudioClip?)
}
