import Media
import Settings

/// What a call plays to its parties by itself.
struct CallSounds: Sendable {
    private let playsMusic: Bool
    let country: TonePlan
    /// For who waits for another party to answer, in a call that stands.
    let ringback: Playlist
    /// How long a call waits in an orbit.
    let parking: Duration
    /// Codes may be pressed as keys in a call.
    let takesCallKeys: Bool

    init(_ settings: ApplianceSettings) {
        playsMusic = settings.features.musicOnHold
        country = TonePlan(country: settings.media.country.rawValue) ?? .itu
        ringback = Playlist(.ringback, of: country)
        takesCallKeys = settings.features.office.takesCallKeys
        parking = .seconds(settings.features.office.parkSeconds)
    }

    var dial: Playlist { Playlist(.dial, of: country) }

    /// A tone that says something and is over.
    func brief(_ tone: CallTone) -> Playlist { Playlist([.tone(country.cadence(of: tone), lasting: .seconds(3))]) }

    /// For who is on hold; nil: nothing. The shell has it composed ahead of time.
    var hold: Playlist? { playsMusic ? .music(MusicOnHold.builtIn) : nil }
}
