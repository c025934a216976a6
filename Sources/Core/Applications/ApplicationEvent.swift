package import Media

/// What happens to a caller in an application.
package enum ApplicationEvent: Hashable, Sendable {
    case entered
    /// What was to be played has been heard to its end.
    case played
    /// Keys that were waited for, or that none came.
    case digits([Digit], DigitCollector.Reason)
    /// A recording is in its file, so long.
    case recorded(seconds: Int)
    /// A recording could not be written.
    case notRecorded
    /// Somebody who was rung is connected with the caller.
    case answered(by: String)
    case unanswered(Unanswered)
    /// A deadline of the application's has come.
    case deadline
    /// The call is over.
    case left

    /// Why nobody was connected.
    package enum Unanswered: Hashable, Sendable {
        case busy, noAnswer, unreachable
        /// There is no such number, or it is not to be reached from here.
        case unknown
    }
}
