/// Every overload limit of the appliance, in one place.
///
/// What is over a limit is refused with an answer (413, 503 with Retry-After, 429) or dropped and counted; it never
/// slows down what already runs. Each limit has a test that reaches it.
package struct Limits: Sendable, Equatable {
    // SIP messages (RFC 3261 section 18.3 sets no upper bound; these are ours)
    package var sipMessageBytes = 65_535
    package var sipStartLineBytes = 4_096
    package var sipHeaderLineBytes = 8_192
    package var sipHeaderCount = 256
    package var sipBodyBytes = 32_768
    /// Of a multipart body, those of nested ones too.
    package var sipBodyParts = 16

    // SIP state
    /// Carries 3,000 registrations a second: each stays for 32 s after its answer (RFC 3261 timer J).
    package var serverTransactions = 100_000
    /// What server transactions keep, keys and responses.
    package var serverTransactionBytes = 64 * 1024 * 1024
    /// INVITEs outside dialogs from one address that have no final response yet.
    package var pendingInvitesPerSource = 100
    package var clientTransactions = 10_000
    /// A longer request leaves over TCP (RFC 3261 section 18.1.1, path MTU unknown).
    package var sipDatagramBytes = 1_300
    package var bindingsPerUser = 10
    package var bindingExpiry: ClosedRange<Int> = 60...3_600
    package var users = 500
    package var calls = 48
    /// Places beyond `calls` that only calls for help take.
    package var emergencyCalls = 4
    /// Of `calls`, those that one user has begun; calls for help are not held to it.
    package var callsPerUser = 8
    package var redirectionsPerCall = 5
    package var transfersPerCall = 20
    /// Users who wait for another one to be called back.
    package var callbacks = 200
    package var sipConnections = 1_000
    package var sipConnectionsPerSource = 100
    package var sipConnectionIdle = Duration.seconds(900)
    /// From a message's first byte to its last, and until the first message of a connection that was opened to us.
    package var sipMessageTime = Duration.seconds(32)
    /// Until a connection of ours stands, with TLS. Short, because a caller waits: two lost packets fit in.
    /// Keep-alives of one connection; who sends more is no telephone.
    package var sipPingsPerSecond = 20
    package var sipConnectTime = Duration.seconds(4)
    /// What may wait to be sent while a connection is being opened.
    package var sipConnectingBytes = 131_072
    package var challengesPerSecondPerSource = 50
    /// Requests of new work by registered telephones and trunks together, while more comes in than is worked off.
    package var overloadAdmissionsPerSecond = 100
    /// Nonces in use whose counts are kept, so that no credentials are taken twice; 32 bytes each.
    package var rememberedNonces = 65_536

    // Trunks
    package var trunks = 20
    package var outgoingRules = 100
    /// Numbers of all trunks that lead to extensions.
    package var directNumbers = 1_000

    // Server location and name resolution
    package var waitingLocations = 100
    package var dnsQueriesPerLocation = 48
    /// Records of one set (NAPTR, SRV) that are followed.
    package var dnsServices = 8
    package var hopsPerLocation = 16
    package var hopPenalty = Duration.seconds(60)
    package var penalisedHops = 200
    package var dnsCacheEntries = 500
    /// What a record's time to live is taken for at least and at most.
    package var dnsLifetime: ClosedRange<Duration> = .seconds(10)...(.seconds(3_600))
    package var dnsNegativeLifetime = Duration.seconds(300)
    /// How long a query that got no answer is not repeated.
    package var dnsFailureLifetime = Duration.seconds(5)
    package var dnsAliases = 8
    package var dnsRecordsPerAnswer = 64
    package var dnsAnswerBytes = 16_384
    /// Queries under way at once.
    package var dnsQueries = 256

    // Subscriptions (RFC 6665)
    package var subscriptions = 4_000
    package var subscriptionsPerUser = 250
    package var subscriptionExpiry: ClosedRange<Int> = 60...3_600
    /// Calls that one dialog-info document tells of.
    package var watchedDialogs = 24

    /// Telephones that are known to refuse protected media.
    package var protectionRefusals = 1_000

    // Session descriptions
    package var sdpLines = 512
    package var sdpMediaDescriptions = 8
    package var sdpFormats = 64

    // Media
    package var rtpPacketBytes = 1_500
    package var mediaSilence = Duration.seconds(60)
    /// How long a DTLS handshake may take.
    package var keyAgreement = Duration.seconds(30)
    /// DTLS datagrams kept of a peer that is quicker than the signalling.
    package var earlyKeyDatagrams = 2
    /// Rooms of one media worker.
    package var rooms = 10
    package var roomParticipants = 10

    // Pairing (Q1)
    package var pairingAttempts = 5
    package var pairingTokenLifetime = Duration.seconds(24 * 3600)

    // Cloud
    package var pendingCloudRequests = 64
    package var uplinkStreams = 100
    package var callRecordSubscribers = 4
    package var callRecordQueue = 1_000
    package var serviceRequestBytes = 65_536

    // Storage
    package var pendingStoreTransactions = 1_024
    package var ledgerEntriesPerAnswer = 10_000
    package var backupBytes = 256 * 1024 * 1024
    /// A bundle that is longer is not fetched.
    package var updateBundleBytes = 256 * 1024 * 1024

    package init() {}
}
