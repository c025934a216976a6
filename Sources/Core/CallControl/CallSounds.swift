import Media
import Settings

/// What a call plays to its parties by itself.
struct CallSounds: Sendable {
    private let playsMusic: Bool
    /// For who waits for another party to answer, in a call that stands.
    let ringback: Playlist

    init(_ settings: ApplianceSettings) {
        playsMusic = settings.features.musicOnHold
        ringback = Playlist(.ringback, of: TonePlan(country: settings.media.country.rawValue) ?? .itu)
    }

    /// For who is on hold; nil: nothing. Made when it is first asked for.
    var hold: Playlist? { playsMusic ? .music(MusicOnHold.builtIn) : nil }
}
