package import Primitives

/// What the appliance does with a caller whom it answers itself. Numbers are those of the settings.
package enum Application: Hashable, Sendable {
    case attendant(String)
    /// Leave a message for the user of that number.
    case deposit(box: String, because: DepositReason)
    /// Listen to messages.
    case mailboxes
    case queue(String)
    case agent(AgentAction)
    case room(String)
    /// Turns the night on or off.
    case nightSwitch

    /// Why somebody gets to a mailbox.
    package enum DepositReason: Hashable, Sendable { case noAnswer, busy, unreachable, chosen }
    /// What an agent wants, in all of their queues.
    package enum AgentAction: String, Hashable, Sendable, CaseIterable { case logIn, logOut, pause, goOn }
}

/// Names a caller in an application, for as long as the call lasts.
package struct CallerID: Hashable, Sendable, Comparable {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Who is in an application, as far as that matters there.
package struct CallerFacts: Hashable, Sendable {
    package var number: String
    package var name: String
    /// A user of the appliance, at one of their own telephones.
    package var isUser: Bool

    package init(number: String, name: String, isUser: Bool) {
        self.number = number
        self.name = name
        self.isUser = isUser
    }
}

/// What else is so at the moment.
package struct ApplicationFacts: Sendable {
    package var now: Instant
    package var wall: UnixTime
    /// Numbers of users who are in a call.
    package var busy: Set<String>

    package init(now: Instant, wall: UnixTime, busy: Set<String> = []) {
        self.now = now
        self.wall = wall
        self.busy = busy
    }
}
