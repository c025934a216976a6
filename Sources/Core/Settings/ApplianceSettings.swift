package import Primitives

/// The appliance's configuration as the database holds it and a configuration file may declare it (DESIGN.md section 5).
package struct ApplianceSettings: Sendable, Equatable {
    package enum Edition: String, Sendable, Hashable, CaseIterable { case next, flex, tryout }

    package var edition: Edition = .next
    package var sip = SIPSettings()
    package var media = MediaSettings()
    package var https: ListenAddress?
    package var features = FeatureSettings()
    package var users: [UserSettings] = []
    package var groups: [GroupSettings] = []
    package var cloud = CloudSettings()
    package var numbering = NumberingSettings()
    /// In the order of the configuration file; names are unique.
    package var trunks: [TrunkSettings] = []
    package var outgoing = OutgoingSettings()
    package var privacy = PrivacySettings()
    package var records = CallRecordSettings()
    package var applications = ApplicationSettings()

    package init() {}
}

/// A local address to serve on; port 0 lets the system pick one.
package struct ListenAddress: Sendable, Hashable {
    package var address: IPAddress
    package var port: UInt16
    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

package struct SIPSettings: Sendable, Equatable {
    package enum Transport: String, Sendable, Hashable, CaseIterable { case udp, tcp, tls }
    package struct Listener: Sendable, Hashable {
        package var transport: Transport
        package var listen: ListenAddress
        package init(transport: Transport, listen: ListenAddress) {
            self.transport = transport
            self.listen = listen
        }
    }
    package var listeners: [Listener] = []
    /// Bans and rate limits.
    package var protectionEnabled = true
    /// The digest realm and the domain of the users' addresses of record.
    package var realm = "pbx.example"
    /// How many calls at once; nil: `Limits.calls`. What the machine has no time for is refused earlier.
    package var calls: Int?
    package init() {}
}

package struct MediaSettings: Sendable, Equatable {
    package var address: IPAddress = .loopbackV4
    /// RTP/RTCP ports, even numbers carry RTP.
    package var ports: ClosedRange<UInt16> = 16_384...17_383
    /// libopus complexity 0...10; nil: the best that the board has time for, as the engine measures when it starts.
    package var opusComplexity: Int?
    /// Threads that carry media; nil: one for each core.
    package var workers: Int?
    /// How much of all cores media may take, in per cent, before calls are refused.
    package var cpuShare = 70
    /// Media threads come before everything that is not real-time, where the system permits it: for machines that do other
    /// work beside. A flood of packets may then hold up the rest of the appliance.
    package var isRealtime = false
    /// Of calls with telephones; a trunk has its own.
    package var security = MediaSecurity.optional
    /// Whose tones are heard.
    package var country = Country.itu
    /// What carries media.
    package var backend = MediaBackendKind.builtin
    /// rtpengine's control port (`ng`), when it is the backend; its media ports are its own affair.
    package var rtpengine = Endpoint(address: .loopbackV4, port: 2_223)
    /// Comfort noise (RFC 3389) is offered and taken beside G.711 and G.722.
    package var comfortNoise = false
    /// What telephones are told to send media to, where that is not `address`: the outside of a router that forwards the
    /// ports one to one. Nil: `address`, or the one that the telephone talks to when that is unspecified.
    package var advertised: IPAddress?
    package init() {}

    /// Countries whose tones the appliance knows, by ISO 3166 code, and the recommendation for all others.
    package enum Country: String, Sendable, CaseIterable {
        case itu = "ITU"
        case austria = "AT"
        case switzerland = "CH"
        case germany = "DE"
        case spain = "ES"
        case france = "FR"
        case unitedKingdom = "GB"
        case italy = "IT"
        case netherlands = "NL"
        case unitedStates = "US"
    }
}

/// `media.backend`.
package enum MediaBackendKind: String, Sendable, Hashable, CaseIterable {
    /// The appliance's own engine.
    case builtin
    /// An rtpengine that runs beside it.
    case rtpengine
}

package struct FeatureSettings: Sendable, Equatable {
    /// An extension that plays back what it hears; nil: none.
    package var echo: String?
    /// Extensions that are conference rooms: who calls one speaks with all who have.
    package var conferences: [String] = []
    /// Who is put on hold hears music.
    package var musicOnHold = true
    /// What call features share.
    package var office = OfficeSettings()
    package init() {}

    /// All extensions that lead to a feature.
    package var extensions: [String] {
        (echo.map { [$0] } ?? []) + conferences + office.parkOrbits + [office.dialTone].compactMap { $0 }
    }
}

/// `call_records`: what is kept of calls that are over.
package struct CallRecordSettings: Sendable, Equatable {
    /// Records of calls that began longer ago are deleted; 0: none is kept, and none is passed on (F-C6).
    package var retentionDays = 90
    /// So many last digits of the outside party's number are never written down, nor its name; 0: everything is.
    package var hiddenDigits = 0
    package init() {}
}

/// A user with one extension.
package struct UserSettings: Sendable, Equatable {
    package var `extension`: String
    package var name: String
    package var password: Secret
    /// Shown to those whom the user calls outside: `+` and digits, or as somebody in our area would dial it. Nil: the
    /// trunk's number for the extension.
    package var callerNumber: String?
    /// What the user has switched on.
    package var features = UserFeatures()
    package init(`extension`: String, name: String, password: Secret, callerNumber: String? = nil) {
        self.extension = `extension`
        self.name = name
        self.password = password
        self.callerNumber = callerNumber
    }
}

package struct GroupSettings: Sendable, Equatable {
    package enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// All members ring together.
        case all
        /// One after the other, always from the first on.
        case linear
        /// One after the other, each call beginning with another member.
        case rotating
        /// One after the other, first who has been without a call for the longest.
        case longestIdle = "longest_idle"
        /// Those with the most of the group's `skills` together, then those with fewer.
        case skill
        /// All members' telephones answer by themselves and hear the caller.
        case paging
    }
    package var `extension`: String
    package var name: String
    package var strategy: Strategy
    package var members: [String]
    /// How long a step of the strategy rings.
    package var ringSeconds = 15
    /// Where the call goes when nobody has answered; nil: it fails.
    package var overflow: String?
    /// What strategy `skill` looks for.
    package var skills: [String] = []
    package init(`extension`: String, name: String, strategy: Strategy, members: [String]) {
        self.extension = `extension`
        self.name = name
        self.strategy = strategy
        self.members = members
    }
}

/// Where the vendor's servers are. Nil: the flow has no recipient and cannot be used.
package struct CloudSettings: Sendable, Equatable {
    /// `host:port` of the relay's uplink listener.
    package var relay: String?
    /// `https://host:port` of each server.
    package var controlCenter: String?
    package var backup: String?
    package var monitoring: String?
    /// The interval between monitoring reports.
    package var monitoringInterval = Duration.seconds(10)
    package var update: String?
    package var crash: String?
    /// `host:port` of the remote access server's uplink listener.
    package var remoteAccess: String?
    package init() {}
}
