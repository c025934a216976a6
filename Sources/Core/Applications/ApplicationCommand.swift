package import Media

/// What an application does with its caller. A command replaces what the last one of its kind has begun.
package enum ApplicationCommand: Hashable, Sendable {
    /// Answered by `.played`, unless a key is pressed that is waited for, or something else is played.
    case play([Prompt])
    /// Waits for keys, from the end of what plays on: `.digits`. The first key ends what plays.
    case collect(DigitRules)
    case stopCollecting
    /// Records a message for the box, or its greeting: `.recorded` or `.notRecorded` after `stopRecording`.
    case record(box: String, isGreeting: Bool)
    case stopRecording
    /// Rings somebody: `.answered` or `.unanswered`.
    case connect(Connection)
    case stopRinging
    /// Goes on in another application, which then enters.
    case enter(Application)
    case join(RoomID, RoomParticipation)
    case hangUp
    case log(String)
}

/// Whom to ring for a caller.
package struct Connection: Hashable, Sendable {
    /// What the caller hears meanwhile.
    package enum Hearing: Hashable, Sendable {
        case ringback
        /// What it hears already.
        case asBefore
    }

    /// All at once, as they would be dialled.
    package var numbers: [String]
    /// The administrator has chosen the number: it may lead outside. Else it may not, whoever calls.
    package var mayLeave = false
    /// A mailbox takes the call when its user does not.
    package var takesMailbox = false
    package var patienceSeconds = 60
    package var hearing = Hearing.ringback

    package init(_ numbers: [String]) { self.numbers = numbers }
}
