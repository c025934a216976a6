/// The transmission rating of a telephone connection: ITU-T G.107 (06/2015), the whole algorithm with the default values
/// of its table 2. What a property is called there stands behind it.
package struct EModel: Hashable, Sendable {
    /// SLR, send loudness rating in dB.
    package var sendLoudness = 8.0
    /// RLR, receive loudness rating in dB.
    package var receiveLoudness = 2.0
    /// STMR, sidetone masking rating in dB.
    package var sidetoneMasking = 15.0
    /// LSTR, listener sidetone rating in dB.
    package var listenerSidetone = 18.0
    /// Ds, D-value of the telephone at the send side.
    package var sendDValue = 3.0
    /// TELR, talker echo loudness rating in dB.
    package var talkerEcho = 65.0
    /// WEPL, weighted echo path loss in dB.
    package var weightedEchoPathLoss = 110.0
    /// T, mean one-way delay of the echo path in ms.
    package var echoDelay = 0.0
    /// Tr, round-trip delay in a four-wire loop in ms.
    package var roundTripDelay = 0.0
    /// Ta, absolute one-way delay in ms.
    package var absoluteDelay = 0.0
    /// qdu, quantisation distortion units.
    package var quantisationUnits = 1.0
    /// Ie, equipment impairment.
    package var equipmentImpairment = 0.0
    /// Bpl, packet-loss robustness.
    package var lossRobustness = 4.3
    /// Ppl, packet loss in per cent.
    package var lossPercent = 0.0
    /// BurstR, burst ratio.
    package var burstRatio = 1.0
    /// Nc, circuit noise in dBm0p.
    package var circuitNoise = -70.0
    /// Nfor, noise floor at the receive side in dBmp.
    package var noiseFloor = -64.0
    /// Ps, room noise at the send side in dB(A).
    package var sendRoomNoise = 35.0
    /// Pr, room noise at the receive side in dB(A).
    package var receiveRoomNoise = 35.0
    /// A, advantage of access.
    package var advantage = 0.0

    /// The defaults, whose rating is 93.2.
    package init() {}

    /// R (equation 7-1).
    package var rating: Double {
        let noise = self.noise
        let basic = basicRating(noise: noise)
        return basic - simultaneousImpairment(noise: noise, basic: basic) - delayImpairment(noise: noise, basic: basic)
            - effectiveEquipmentImpairment + advantage
    }

    /// Id of this connection: echo and delay together.
    package var delayImpairment: Double {
        let noise = self.noise
        return delayImpairment(noise: noise, basic: basicRating(noise: noise))
    }

    /// Ie-eff (equation 7-29).
    package var effectiveEquipmentImpairment: Double {
        Self.effective(
            equipmentImpairment, ceiling: 95, lossPercent: lossPercent, burstRatio: burstRatio,
            robustness: lossRobustness)
    }

    /// What loss makes of an equipment impairment, in the form that the three scales share.
    static func effective(
        _ impairment: Double, ceiling: Double, lossPercent: Double, burstRatio: Double, robustness: Double
    ) -> Double {
        guard lossPercent > 0 else { return impairment }
        return impairment + (ceiling - impairment) * lossPercent / (lossPercent / max(1, burstRatio) + robustness)
    }

    /// MOS-CQE of a rating on the narrowband scale (annex B).
    package static func meanOpinion(rating: Double) -> Double {
        if rating >= 100 { return 4.5 }
        // Below 6.5 the polynomial turns, and below 0 it leaves the scale.
        if rating <= 6.5 { return 1 }
        return 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6
    }

    // MARK: Basic signal-to-noise ratio (7.2)

    /// No, the sum of all noise in dBm0p.
    private var noise: Double {
        let overall = sendLoudness + receiveLoudness
        let distance = sendRoomNoise - overall - sendDValue - 14
        let sendRoom = sendRoomNoise - sendLoudness - sendDValue - 100 + 0.004 * distance * distance
        let effectiveRoom =
            receiveRoomNoise + Elementary.decibels(1 + Elementary.ratio(decibels: 10 - listenerSidetone))
        let above = effectiveRoom - 35
        let receiveRoom = receiveLoudness - 121 + effectiveRoom + 0.008 * above * above
        return Elementary.decibels(
            Elementary.ratio(decibels: circuitNoise) + Elementary.ratio(decibels: sendRoom)
                + Elementary.ratio(decibels: receiveRoom) + Elementary.ratio(decibels: noiseFloor + receiveLoudness))
    }

    /// Ro.
    private func basicRating(noise: Double) -> Double { 15 - 1.5 * (sendLoudness + noise) }

    // MARK: Simultaneous impairment (7.3)

    private func simultaneousImpairment(noise: Double, basic: Double) -> Double {
        let overall = sendLoudness + receiveLoudness
        let excess = (overall + 0.2 * (64 + noise - receiveLoudness)) / 8
        let loudness = 20 * (Elementary.power(1 + Elementary.wholePower(excess, 8), 1.0 / 8) - excess)
        let q = 37 - 15 * Elementary.logarithm10(quantisationUnits)
        let g = 1.07 + 0.258 * q + 0.0602 * q * q
        let y = (basic - 100) / 15 + 46 / 8.4 - g / 9
        let z = 46.0 / 30 - g / 40
        let quantisation =
            1.5 * Elementary.decibels(1 + Elementary.ratio(decibels: 10 * y) + Elementary.ratio(decibels: 10 * z))
        return loudness + sidetoneImpairment + quantisation
    }

    /// Ist.
    private var sidetoneImpairment: Double {
        let masked =
            -Elementary.decibels(
                Elementary.ratio(decibels: -sidetoneMasking)
                    + Elementary.exponential(-echoDelay / 4) * Elementary.ratio(decibels: -talkerEcho))
        func root(_ offset: Double, _ scale: Double, _ order: Int) -> Double {
            Elementary.power(1 + Elementary.wholePower((masked + offset) / scale, order), 1 / Double(order))
        }
        return 12 * root(-13, 6, 8) - 28 * root(1, 19.4, 35) - 13 * root(-3, 33, 13) + 29
    }

    // MARK: Delay impairment (7.4)

    private func delayImpairment(noise: Double, basic: Double) -> Double {
        talkerEchoImpairment(noise: noise) + listenerEchoImpairment(basic: basic) + absoluteDelayImpairment
    }

    /// Idte.
    private func talkerEchoImpairment(noise: Double) -> Double {
        let delay = echoDelay
        var audible =
            talkerEcho - 40 * Elementary.logarithm10((1 + delay / 10) / (1 + delay / 150)) + 6
            * Elementary.exponential(-0.3 * delay * delay)
        if sidetoneMasking < 9 { audible += sidetoneImpairment / 2 }
        let difference = -1.5 * (noise - receiveLoudness) - (80 + 2.5 * (audible - 14))
        let impairment =
            (difference / 2 + (difference * difference / 4 + 100).squareRoot() - 1)
            * (1 - Elementary.exponential(-delay))
        guard sidetoneMasking > 20 else { return impairment }
        let sidetone = sidetoneImpairment
        return (impairment * impairment + sidetone * sidetone).squareRoot()
    }

    /// Idle.
    private func listenerEchoImpairment(basic: Double) -> Double {
        let echo = 10.5 * (weightedEchoPathLoss + 7) * Elementary.power(roundTripDelay + 1, -0.25)
        let difference = basic - echo
        return difference / 2 + (difference * difference / 4 + 169).squareRoot()
    }

    /// Idd, with the delay sensitivity of table 1's default users (sT = 1, mT = 100 ms).
    private var absoluteDelayImpairment: Double {
        guard absoluteDelay > 100 else { return 0 }
        let x = Elementary.logarithm10(absoluteDelay / 100) / Elementary.logarithm10(2)
        return 25
            * (Elementary.power(1 + Elementary.wholePower(x, 6), 1.0 / 6) - 3
                * Elementary.power(1 + Elementary.wholePower(x / 3, 6), 1.0 / 6) + 2)
    }
}
