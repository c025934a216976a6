/// What somebody is to hear: sounds in order, how often, how loud, and from where on.
package struct Playlist: Hashable, Sendable {
    package enum Sound: Hashable, Sendable {
        case clip(AudioClip)
        /// For `lasting` at most; nil: as long as the cadence goes, which may be for ever.
        case tone(ToneCadence, lasting: Duration? = nil)
        case silence(Duration)
    }

    /// The first `SoundLimits.soundsPerPlaylist` are played.
    package var sounds: [Sound]
    /// How often the sounds are played in a row; nil: for ever.
    package var repeats: Int?
    /// How far into it the playing begins, as `Player.position` counts: music on hold goes on where it was.
    package var start: Duration
    /// In decibels, -60...+12.
    package var gain: Double

    package init(_ sounds: [Sound], repeats: Int? = 1, start: Duration = .zero, gain: Double = 0) {
        self.sounds = sounds
        self.repeats = repeats
        self.start = start
        self.gain = gain
    }

    /// A tone of a country, until it is stopped (or, a confirmation, until it is over).
    package init(_ tone: CallTone, of plan: TonePlan) {
        self.init([.tone(plan.cadence(of: tone))])
    }

    /// `clip` again and again, from `start` on.
    package static func music(_ clip: AudioClip, start: Duration = .zero, gain: Double = 0) -> Playlist {
        Playlist([.clip(clip)], repeats: nil, start: start, gain: gain)
    }
}
