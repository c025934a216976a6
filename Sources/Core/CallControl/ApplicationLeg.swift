import Applications
import Media
import Primitives

/// What a call keeps of the application that its caller is in.
struct ApplicationLeg: Sendable {
    /// Where in the call the caller is: side a, unless somebody whom the call has reached was sent there.
    let side: MediaSide
    /// What the caller hears.
    var program = AudioProgram.silence
    /// When what plays is over; nil: nothing plays that ends. A `.played` from long before is of what played earlier.
    var playsUntil: Instant?
    /// Sounds are being fetched that the caller is to hear.
    var isLoading = false
    /// Keys that are waited for as soon as nothing plays any more.
    var awaited: DigitRules?
    var collector: DigitCollector?
    /// Whom the caller is to be connected with.
    var connection: Connection?
    /// What the owner of the plan was asked and has not answered, and what it has.
    var questions: [Int] = []
    var routes: [Route] = []
    /// Where the caller goes when the one who is rung does not answer.
    var fallback: CallFallback?
    /// The caller speaks with somebody; the application waits for the end.
    var isConnected = false

    init(on side: MediaSide) { self.side = side }

    /// The media workers' own patience; what a key comes to is decided here, wherever it came from.
    static let allKeys = DigitRules(
        most: DigitRules.mostAtAll, terminators: [], first: .seconds(86_400), between: .seconds(86_400))
    /// How far the workers' clock for what they play may be ahead.
    static let tolerance = Duration.milliseconds(300)

    var nextDeadline: Instant? { collector?.nextDeadline }
}

/// Where a call goes when nobody takes it.
package struct CallFallback: Sendable, Hashable {
    /// A mailbox.
    package var box: String
    /// How long is rung before.
    package var after: Duration

    package init(box: String, after: Duration) {
        self.box = box
        self.after = after
    }
}
