/// The tones of a country.
///
/// Frequencies and cadences are those of ITU-T E.180 Supplement 2 ("Various tones used in national networks"), for the
/// United Kingdom also BT SIN 350, for the United States the precise tone plan (E.300 series Supplement 3); where these
/// leave a tone open, and for countries without an entry, those that E.180 recommends. Levels are -10 dBm0 (E.180 clause 2,
/// which allows 5 dB either way), in the United States those of the precise tone plan. Tones that are laid over a
/// conversation are quieter than it; their level is ours, and so is the cadence of confirmation where none is named.
package enum TonePlan: String, Hashable, Sendable, CaseIterable {
    /// What E.180 recommends, for countries that have no plan here.
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

    /// The plan of a country by its ISO 3166 code in either case, or "ITU"; nil for another.
    package init?(country: String) {
        self.init(rawValue: country.uppercased())
    }

    /// In dBm0.
    private static let level = -10.0
    private static let overSpeech = -20.0

    /// How `tone` sounds here.
    package func cadence(of tone: CallTone) -> ToneCadence {
        let national =
            switch self {
            case .itu: nil as ToneCadence?
            case .austria: austrian(tone)
            case .switzerland: swiss(tone)
            case .germany: german(tone)
            case .spain: spanish(tone)
            case .france: french(tone)
            case .unitedKingdom: british(tone)
            case .italy: italian(tone)
            case .netherlands: dutch(tone)
            case .unitedStates: american(tone)
            }
        return national ?? recommended(tone)
    }

    /// What E.180 recommends; of confirmation it says nothing.
    private func recommended(_ tone: CallTone) -> ToneCadence {
        switch tone {
        case .dial: .continuous(425, level: Self.level)
        case .ringback: .interrupted(425, level: Self.level, [1_000, 4_000])
        case .busy: .interrupted(425, level: Self.level, [500, 500])
        case .congestion: .interrupted(425, level: Self.level, [250, 250])
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [400, 9_000])
        case .recorderWarning: .interrupted(1_400, level: Self.overSpeech, [400, 14_600])
        case .confirmation: once(.interrupted(425, level: Self.level, [100, 100, 100, 100, 100, 300]))
        case .specialInformation: information(950, 1_400, 1_800)
        }
    }

    private func austrian(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .dial: .continuous(420, level: Self.level)
        case .ringback: .interrupted(420, level: Self.level, [1_000, 5_000])
        case .busy: .interrupted(420, level: Self.level, [400, 400])
        case .congestion: .interrupted(420, level: Self.level, [200, 200])
        case .callWaiting: .interrupted(420, level: Self.overSpeech, [40, 1_960])
        case .confirmation: once(.interrupted(420, level: Self.level, [100, 100, 100, 100, 100, 300]))
        case .specialInformation: information(950, 1_450, 1_850)
        case .recorderWarning: nil
        }
    }

    private func swiss(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .congestion: .interrupted(425, level: Self.level, [200, 200])
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [200, 200, 200, 4_000])
        case .dial, .ringback, .busy, .recorderWarning, .confirmation, .specialInformation: nil
        }
    }

    private func german(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .busy: .interrupted(425, level: Self.level, [480, 480])
        case .congestion: .interrupted(425, level: Self.level, [240, 240])
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [200, 200, 200, 5_000])
        case .dial, .ringback, .recorderWarning, .confirmation, .specialInformation: nil
        }
    }

    private func spanish(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .ringback: .interrupted(425, level: Self.level, [1_500, 3_000])
        case .busy: .interrupted(425, level: Self.level, [200, 200])
        case .congestion: .interrupted(425, level: Self.level, [200, 200, 200, 200, 200, 600])
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [175, 175, 175, 3_500])
        case .dial, .recorderWarning, .confirmation, .specialInformation: nil
        }
    }

    private func french(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .dial: .continuous(440, level: Self.level)
        case .ringback: .interrupted(440, level: Self.level, [1_500, 3_500])
        case .busy: .interrupted(440, level: Self.level, [500, 500])
        case .congestion: .interrupted(440, level: Self.level, [250, 250])
        case .callWaiting: .interrupted(440, level: Self.overSpeech, [300, 10_000])
        case .confirmation: once(.interrupted(440, level: Self.level, [100, 100, 100, 100, 100, 300]))
        case .recorderWarning, .specialInformation: nil
        }
    }

    private func british(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .dial: .continuous(350, 440, level: Self.level)
        case .ringback: .interrupted(400, 450, level: Self.level, [400, 200, 400, 2_000])
        case .busy: .interrupted(400, level: Self.level, [375, 375])
        case .congestion: .interrupted(400, level: Self.level, [400, 350, 225, 525])
        case .callWaiting: .interrupted(400, level: Self.overSpeech, [100, 4_000])
        case .confirmation: .continuous(1_400, level: Self.level)
        case .specialInformation: information(950, 1_400, 1_800, gap: 15)
        case .recorderWarning: nil
        }
    }

    private func italian(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .dial: .interrupted(425, level: Self.level, [200, 200, 600, 1_000])
        case .congestion: .interrupted(425, level: Self.level, [200, 200])
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [400, 100, 250, 100, 150, 14_000])
        case .ringback, .busy, .recorderWarning, .confirmation, .specialInformation: nil
        }
    }

    private func dutch(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .callWaiting: .interrupted(425, level: Self.overSpeech, [500, 9_500])
        case .dial, .ringback, .busy, .congestion, .recorderWarning, .confirmation, .specialInformation: nil
        }
    }

    /// Levels are for each frequency -13 (dial), -19 (ringing) and -24 dBm0 (busy, reorder): 3 more together.
    private func american(_ tone: CallTone) -> ToneCadence? {
        switch tone {
        case .dial: .continuous(350, 440, level: -10)
        case .ringback: .interrupted(440, 480, level: -16, [2_000, 4_000])
        case .busy: .interrupted(480, 620, level: -21, [500, 500])
        case .congestion: .interrupted(480, 620, level: -21, [250, 250])
        case .callWaiting: .interrupted(440, level: Self.overSpeech, [300, 10_000])
        case .recorderWarning: .interrupted(1_400, level: Self.overSpeech, [500, 14_500])
        case .confirmation: once(.interrupted(350, 440, level: -10, [100, 100, 100, 100, 300, 300]))
        case .specialInformation: nil
        }
    }

    private func once(_ cadence: ToneCadence) -> ToneCadence {
        ToneCadence(cycle: cadence.cycle, cycles: 1)
    }

    /// Three tones of 330 ms and a second of silence (E.180, special information tone).
    private func information(_ hertz: Int..., gap: Int = 0) -> ToneCadence {
        var cycle: [ToneCadence.Segment] = []
        for (index, frequency) in hertz.enumerated() {
            if index > 0, gap > 0 { cycle.append(.silence(.milliseconds(gap))) }
            cycle.append(.init([.init(hertz: frequency, level: Self.level)], .milliseconds(330)))
        }
        return ToneCadence(cycle: cycle + [.silence(.seconds(1))])
    }
}
