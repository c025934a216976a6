package import Media
package import Primitives
package import SIPDialog
package import SIPTransaction

/// Who the softphone is, and how it speaks: what a provisioning file or the command line gives it.
package struct SoftphoneAccount: Sendable {
    package var user: String
    package var displayName: String
    package var password: Secret
    /// The host part of its address of record.
    package var domain: String
    /// In order of preference.
    package var codecs: [AudioCodec]
    package var ptime: Duration
    /// What REGISTER asks for, in seconds.
    package var expires: Int
    /// Answers an incoming call after this time; nil: never by itself.
    package var answersAfter: Duration?
    /// False: a line that is known by its address alone, such as a provider's; `connected` does not register it.
    package var registers = true
    /// Answers at once when the caller asks for that (RFC 5373): announcements and intercom.
    package var takesAnnouncements = false

    package init(
        user: String, displayName: String, password: Secret, domain: String, codecs: [AudioCodec],
        ptime: Duration = .milliseconds(20), expires: Int = 300, answersAfter: Duration? = nil
    ) {
        self.user = user
        self.displayName = displayName
        self.password = password
        self.domain = domain
        self.codecs = codecs
        self.ptime = ptime
        self.expires = expires
        self.answersAfter = answersAfter
    }
}

/// What the user (or a script in the user's place) asks for.
package enum SoftphoneCommand: Sendable, Equatable {
    case call(String)
    /// Takes the place of the telephone of that number which rings in that dialog (RFC 3891).
    case pickUp(String, DialogID)
    case hangUp
    case unregister
    /// Takes the call that rings.
    case answer
    /// Refuses the call that rings, with that status.
    case refuse(Int)
    /// Sends the call that rings on to that number (302).
    case redirect(String)
    /// Holds the call that stands, or takes it back.
    case hold(Bool)
    /// Gives the call that stands away to that number; with a dialog of another line of this desk, to who is in that.
    case transfer(String, replaces: DialogID?)
    /// Wants to be told of that number from now on: its calls (`dialog`), its messages (`message-summary`).
    case watch(String, package: String)
    /// Sends that number a message (RFC 3428).
    case message(String, text: String)
    /// Asks the appliance to connect this user with that number, by this user's telephones (RFC 3515): click to dial.
    case connect(String)
}

package enum SoftphoneInput: Sendable, Equatable {
    /// The way to the registrar is open: registration begins.
    case connected(SIPFlow)
    case message([UInt8], SIPFlow)
    case flowClosed
    /// Answer to `SoftphoneEffect.openMedia`: our RTP address.
    case mediaReady(IPAddress, port: UInt16)
    case command(SoftphoneCommand)
    case deadline
}

package enum SoftphoneEffect: Sendable, Equatable {
    case transmit([UInt8], SIPFlow)
    case openMedia
    case configureMedia(MediaStreamDescription)
    case closeMedia
    case event(SoftphoneEvent)
}

/// What the user gets to know.
package enum SoftphoneEvent: Sendable, Equatable {
    case registered(expiresSeconds: Int)
    case registrationFailed(status: Int)
    case unregistered
    case incoming(from: String)
    case ringing
    case established(codec: AudioCodec)
    /// Ended by either side after it was established.
    case ended
    /// Never established; the final status (408 for no answer, 487 when cancelled by us, 503 for a dead connection).
    case failed(status: Int)
    /// The final status of a request outside calls (`watch`, `message`, `connect`).
    case answered(method: String, status: Int)
    /// The state of what is watched.
    case notified(resource: String, package: String, body: String)
}
