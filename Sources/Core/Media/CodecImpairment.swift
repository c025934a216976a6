/// What a codec costs on the scale of its band, and how loss adds to it (ITU-T G.113).
package struct CodecImpairment: Hashable, Sendable {
    /// How much of the voice the codec carries: each band has its own E-model and its own best rating.
    package enum Band: Hashable, Sendable {
        /// 300-3400 Hz, ITU-T G.107.
        case narrowband
        /// 50-7000 Hz, ITU-T G.107.1.
        case wideband
        /// Up to 20 kHz, ITU-T G.107.2.
        case fullband

        /// The rating of an undisturbed connection; nil where G.107 computes it.
        var bestRating: Double? {
            switch self {
            case .narrowband: nil
            case .wideband: 129
            case .fullband: 148
            }
        }

        /// The impairment that total loss approaches (G.107 equation 7-29 and its counterparts).
        var ceiling: Double { self == .fullband ? 132 : 95 }
    }

    package let band: Band
    /// Ie, Ie,WB or Ie,FB.
    package let impairment: Double
    /// Bpl, robustness against random loss.
    package let lossRobustness: Double

    package init(band: Band, impairment: Double, lossRobustness: Double) {
        self.band = band
        self.impairment = impairment
        self.lossRobustness = lossRobustness
    }

    /// G.711 with a concealment like that of its appendix I (G.113 appendix I: Ie 0, Bpl 25.1), which every telephone
    /// of today has and `PitchConcealment` is near.
    package static let g711 = CodecImpairment(band: .narrowband, impairment: 0, lossRobustness: 25.1)
    /// G.711 whose losses are silence (G.113 appendix I: Ie 0, Bpl 4.3).
    package static let g711WithoutConcealment = CodecImpairment(band: .narrowband, impairment: 0, lossRobustness: 4.3)
    /// G.722 at 64 kbit/s (G.113 appendix IV: Ie,WB 13, Bpl,WB 4.9).
    package static let g722 = CodecImpairment(band: .wideband, impairment: 13, lossRobustness: 4.9)
    /// Opus has no row in G.113. Measured by instruments at 25 kbit/s, variable rate (Alahmadi, Pocta and Melvin, ACM
    /// TOMM 17-4, 2021): Ie,FB 20.2, Bpl,FB 11.3. Other rates are taken for the same: what the peer's encoder does is
    /// not told.
    package static let opus = CodecImpairment(band: .fullband, impairment: 20.2, lossRobustness: 11.3)

    package init(_ codec: AudioCodec) {
        switch codec {
        case .pcmu, .pcma: self = .g711
        case .g722: self = .g722
        case .opus: self = .opus
        }
    }
}
