package import Settings

/// One feature, as a rule: what it makes of something that happens, given what is known.
///
/// A policy knows neither SIP nor media, keeps no state and sees no clock: whatever it goes by stands in the facts, and
/// whatever is to be remembered leaves as a `FeatureDecision.change`. The desk asks the policies in order; the first that
/// has something to say decides.
package protocol FeaturePolicy: Sendable {
    /// Nil: this feature has nothing to say to that.
    func decide(_ event: FeatureEvent, _ facts: FeatureFacts) -> FeatureDecision?
}

/// What happens.
package enum FeatureEvent: Sendable, Equatable {
    /// A user has dialled that number, or one of theirs has forwarded or transferred a call there.
    case dialled(String)
    /// What was dialled is a code, with what follows it.
    case code(FeatureCode, argument: String)
    /// A call has reached the user or group of the facts, and nobody rings yet.
    case reached
    /// It has ended in vain.
    case unanswered(Unanswered)
}

extension FeatureEvent {
    /// Of which users, besides the caller and who was reached, a policy may want to know something.
    package enum Concern: Sendable, Equatable {
        case nobody
        case user(String)
        case everybody
    }

    package var concern: Concern {
        switch self {
        case .code(.pickup, ""): .everybody
        case .code(.pickup, let number), .code(.callbackOn, let number), .code(.intercom, let number): .user(number)
        case .code(.deskLogin, let argument): .user(String(argument.prefix { $0 != "*" }))
        case .code, .dialled, .reached, .unanswered: .nobody
        }
    }
}

/// Why nobody has taken a call.
package enum Unanswered: Sendable, Equatable {
    case busy, doNotDisturb, noAnswer, unregistered

    /// What the caller is told when the call goes nowhere from here (RFC 3261 section 21.4).
    package var status: Int {
        switch self {
        case .busy: 486
        case .doNotDisturb, .noAnswer, .unregistered: 480
        }
    }

    /// What the history of the call says (RFC 7044 section 10.5, RFC 4458 section 2).
    package var cause: Int {
        switch self {
        case .busy, .doNotDisturb: 486
        case .noAnswer: 408
        case .unregistered: 480
        }
    }
}

/// What is to happen.
package enum FeatureDecision: Sendable, Equatable {
    /// As if that number had been dialled, with these wishes for the call.
    case route(to: String, CallWishes)
    /// The call goes on to that number by the rights of who was called; the cause stands in its history.
    case forward(to: String, cause: Int)
    /// Nobody is to ring; `.unanswered` is asked next.
    case unavailable(Unanswered)
    /// The call is refused with that status (RFC 3261 section 21).
    case refuse(status: Int)
    /// These ring, step by step; then `.unanswered` is asked.
    case ring([RingStep])
    /// Something is switched; the caller hears that it was.
    case change(FeatureChange)
    /// Something is done with calls.
    case act(CallAction)
}

/// How a call differs from a plain one.
package struct CallWishes: Sendable, Hashable {
    /// Nil: as the user has it.
    package var hidesNumber: Bool?
    /// The record keeps no number of the other end.
    package var isPrivate = false
    /// The called telephone answers by itself (RFC 5373 in its common form).
    package var isAutoAnswered = false
    /// Permission classes and the like have been looked at, or do not matter.
    package var isPermitted = false

    package init() {}

    /// Both.
    package func merging(_ other: CallWishes) -> CallWishes {
        var wishes = self
        wishes.hidesNumber = other.hidesNumber ?? hidesNumber
        wishes.isPrivate = isPrivate || other.isPrivate
        wishes.isAutoAnswered = isAutoAnswered || other.isAutoAnswered
        wishes.isPermitted = isPermitted || other.isPermitted
        return wishes
    }
}

/// Who rings together, and for how long.
package struct RingStep: Sendable, Equatable {
    package enum Member: Sendable, Hashable {
        /// The telephones of that user.
        case user(String)
        /// Whoever that number reaches, by the rights of the called user.
        case number(String)
    }
    package var members: [Member]
    /// Nil: as long as the caller waits.
    package var seconds: Int?

    package init(_ members: [Member], seconds: Int?) {
        self.members = members
        self.seconds = seconds
    }
}

/// What is remembered from now on.
package enum FeatureChange: Sendable, Equatable {
    /// The caller's own features.
    case features(UserFeatures)
    case night(Bool)
    /// The caller's telephone is that user's; nil: the caller's own again.
    case desk(String?)
    /// Somebody gave a wrong PIN for that user; refused with 403.
    case wrongDeskPIN(of: String)
}

/// What is done with calls that run, or are to be made.
package enum CallAction: Sendable, Equatable {
    /// The caller's call on hold, or the one that is being transferred, waits in the orbit.
    case park(orbit: String)
    /// The caller takes up the call that waits there.
    case retrieve(orbit: String)
    /// The caller takes the call that rings at one of these, the oldest.
    case pickUp(from: [String])
    /// The caller's call on hold goes there.
    case transferHeld(to: String)
    /// The caller's calls and the caller are joined in a room.
    case conference
    /// The caller is called when that user can be reached.
    case callBack(String)
    case forgetCallBacks
    /// The members' telephones answer and hear the caller.
    case page([String])
    /// The relay of the door station that the caller speaks with is switched.
    case openDoor(digits: String)
    /// The caller's call is recorded, or not any more.
    case record
    /// The caller hears that the way to help is there.
    case testEmergency
}
