/// The lower sub-band: 6 bits a sample, of which the upper four drive the adaptation in coder and decoder alike.
///
/// Block and table names in the comments are those of the Recommendation's chapter 6.
struct G722LowBand: Sendable {
    /// Q6 without its zero: above which multiples of the scale the next level begins.
    private static let decisions: [Int32] = [
        35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1_023, 1_121, 1_219,
        1_339, 1_458, 1_612, 1_765, 1_980, 2_195, 2_557, 2_919,
    ]
    /// OQ6 by code, with its sign (RIL6, RISI6), in units of 2^-15.
    private static let outputs: [Int32] = [
        -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232, -9_360,
        -8_576, -7_856, -7_192, -6_576, -6_000, -5_456, -4_944, -4_464, -4_008, -3_576, -3_168, -2_776, -2_400, -2_032,
        -1_688, -1_360, -1_040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9_360,
        8_576, 7_856, 7_192, 6_576, 6_000, 5_456, 4_944, 4_464, 4_008, 3_576, 3_168, 2_776, 2_400, 2_032, 1_688, 1_360,
        1_040, 728, 432, 136, -432, -136,
    ]
    /// OQ4 by the upper four bits of the code, with its sign, in units of 2^-15.
    private static let coarseOutputs: [Int32] = [
        0, -20_456, -12_896, -8_968, -6_288, -4_240, -2_584, -1_200, 20_456, 12_896, 8_968, 6_288, 4_240, 2_584, 1_200,
        0,
    ]
    /// WL by the upper four bits of the code.
    private static let steps: [Int32] = [
        -60, 3_042, 1_198, 538, 334, 172, 58, -30, 3_042, 1_198, 538, 334, 172, 58, -30, -60,
    ]

    private var predictor = G722Predictor()
    private var scale = G722Scale(octaves: 8, logarithmAtMost: 18_432)

    /// SUBTRA, QUANTL: the code of a sample.
    mutating func encode(_ sample: Int32) -> Int32 {
        let error = G722Arithmetic.saturated(sample - predictor.signal)
        let magnitude = error < 0 ? ~error : error
        // The number of decisions that the magnitude reaches, by halving: the table grows.
        var level = 0
        var beyond = Self.decisions.count
        while level < beyond {
            let middle = (level + beyond) / 2
            if (Self.decisions[middle] &* scale.factor) &>> 12 <= magnitude {
                level = middle + 1
            } else {
                beyond = middle
            }
        }
        let code = Self.code(level: Int32(level), isNegative: error < 0)
        adapt(code)
        return code
    }

    /// MISIL: the levels of positive differences count down from 61, those of negative ones from 63, with a leap.
    private static func code(level: Int32, isNegative: Bool) -> Int32 {
        if !isNegative { return 61 - level }
        return level < 2 ? 63 - level : 33 - level
    }

    /// INVQBL, RECONS, LIMIT: the sample of a code.
    mutating func decode(_ code: Int32) -> Int32 {
        let difference = G722Arithmetic.product(scale.factor, Self.outputs[Int(code)])
        let sample = G722Arithmetic.saturated(predictor.signal + difference)
        adapt(code)
        return G722Arithmetic.limited(sample)
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor.
    private mutating func adapt(_ code: Int32) {
        let coarse = Int(code &>> 2)
        let difference = G722Arithmetic.product(scale.factor, Self.coarseOutputs[coarse])
        scale.adapt(by: Self.steps[coarse])
        predictor.adapt(to: difference)
    }
}

/// The upper sub-band: 2 bits a sample.
struct G722HighBand: Sendable {
    /// Q2: above which multiple of the scale the outer level begins.
    private static let decision: Int32 = 564
    /// OQ2 by code, with its sign, in units of 2^-15.
    private static let outputs: [Int32] = [-7_408, -1_616, 7_408, 1_616]
    /// WH by code.
    private static let steps: [Int32] = [798, -214, 798, -214]

    private var predictor = G722Predictor()
    private var scale = G722Scale(octaves: 10, logarithmAtMost: 22_528)

    /// SUBTRA, QUANTH: the code of a sample.
    mutating func encode(_ sample: Int32) -> Int32 {
        let error = G722Arithmetic.saturated(sample - predictor.signal)
        let magnitude = error < 0 ? ~error : error
        let isOuter = magnitude >= (Self.decision &* scale.factor) &>> 12
        let code: Int32 = (error < 0 ? 0 : 2) + (isOuter ? 0 : 1)
        _ = adapt(code)
        return code
    }

    /// INVQAH, RECONS, LIMIT: the sample of a code.
    mutating func decode(_ code: Int32) -> Int32 { G722Arithmetic.limited(adapt(code)) }

    /// INVQAH, LOGSCH, SCALEH and the predictor; returns the reconstructed sample.
    private mutating func adapt(_ code: Int32) -> Int32 {
        let difference = G722Arithmetic.product(scale.factor, Self.outputs[Int(code)])
        scale.adapt(by: Self.steps[Int(code)])
        return predictor.adapt(to: difference)
    }
}

/// The adaptive scale of a sub-band's quantiser (LOGSCL, SCALEL; LOGSCH, SCALEH).
struct G722Scale: Sendable {
    /// ILB: an octave of scale factors.
    private static let octave: [Int32] = [
        2_048, 2_093, 2_139, 2_186, 2_233, 2_282, 2_332, 2_383, 2_435, 2_489, 2_543, 2_599, 2_656, 2_714, 2_774, 2_834,
        2_896, 2_960, 3_025, 3_091, 3_158, 3_228, 3_298, 3_371, 3_444, 3_520, 3_597, 3_676, 3_756, 3_838, 3_922, 4_008,
    ]
    private let octaves: Int32
    private let logarithmAtMost: Int32
    private var logarithm: Int32 = 0
    /// DET, 8...16384.
    private(set) var factor: Int32

    /// At its least, which is `octaves` below the table.
    init(octaves: Int32, logarithmAtMost: Int32) {
        self.octaves = octaves
        self.logarithmAtMost = logarithmAtMost
        factor = (2_048 &>> octaves) &<< 2
    }

    mutating func adapt(by step: Int32) {
        logarithm = G722Arithmetic.clamped(G722Arithmetic.product(logarithm, 32_512) + step, 0, logarithmAtMost)
        let entry = Self.octave[Int(logarithm &>> 6 & 31)]
        // Doubled first, because the top of the range lies an octave above the table.
        factor = ((entry &<< 1) &>> (octaves + 1 - logarithm &>> 11)) &<< 2
    }
}
