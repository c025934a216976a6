/// How a call sounds to who sends it: the VoIP metrics block (RFC 3611 section 4.7).
package struct VoIPMetrics: Hashable, Sendable {
    /// Without the block's own header.
    package static let sizeBytes = 32
    /// In levels, echo loss, R factors and MOS: not known.
    package static let unavailable: UInt8 = 127

    /// The source this is about.
    package var ssrc: UInt32
    /// Of 256, since the beginning.
    package var lossRate: UInt8 = 0
    /// Came, but too late to be played; of 256, since the beginning.
    package var discardRate: UInt8 = 0
    /// Lost or discarded within bursts, of 256.
    package var burstDensity: UInt8 = 0
    /// Lost or discarded between bursts, of 256.
    package var gapDensity: UInt8 = 0
    /// Mean, in ms.
    package var burstDuration: UInt16 = 0
    /// Mean, in ms.
    package var gapDuration: UInt16 = 0
    /// In ms, 0: not known.
    package var roundTripDelay: UInt16 = 0
    /// From the packet's arrival to the ear and from the mouth to the packet, in ms.
    package var endSystemDelay: UInt16 = 0
    /// dBm0, signed.
    package var signalLevel = UInt8(127)
    /// dBm0, signed.
    package var noiseLevel = UInt8(127)
    /// Residual echo return loss in dB.
    package var residualEchoReturnLoss = UInt8(127)
    /// Packets received in a row that end a burst.
    package var gmin = UInt8(BurstGapMeter.gmin)
    /// 0...100, above that for wideband.
    package var rFactor = UInt8(127)
    /// Of a network beyond the RTP session, 0...100.
    package var externalRFactor = UInt8(127)
    /// Listening quality in tenths, 10...50.
    package var mosListening = UInt8(127)
    /// Conversational quality in tenths, 10...50.
    package var mosConversational = UInt8(127)
    /// Concealment (2 bits), adaptive buffer or not (2), its rate (4): section 4.7.6.
    package var receiverConfiguration: UInt8 = 0
    /// Of the jitter buffer, in ms.
    package var bufferNominal: UInt16 = 0
    /// Of the jitter buffer now, in ms.
    package var bufferMaximum: UInt16 = 0
    /// Of the jitter buffer at worst, in ms.
    package var bufferAbsoluteMaximum: UInt16 = 0

    /// About `ssrc`, with everything unknown.
    package init(ssrc: UInt32) { self.ssrc = ssrc }

    /// `bytes` are `sizeBytes` long.
    init(_ bytes: UnsafeRawBufferPointer) {
        ssrc = bytes.bigEndian32(at: 0)
        lossRate = bytes[4]
        discardRate = bytes[5]
        burstDensity = bytes[6]
        gapDensity = bytes[7]
        burstDuration = bytes.bigEndian16(at: 8)
        gapDuration = bytes.bigEndian16(at: 10)
        roundTripDelay = bytes.bigEndian16(at: 12)
        endSystemDelay = bytes.bigEndian16(at: 14)
        signalLevel = bytes[16]
        noiseLevel = bytes[17]
        residualEchoReturnLoss = bytes[18]
        gmin = bytes[19]
        rFactor = bytes[20]
        externalRFactor = bytes[21]
        mosListening = bytes[22]
        mosConversational = bytes[23]
        receiverConfiguration = bytes[24]
        bufferNominal = bytes.bigEndian16(at: 26)
        bufferMaximum = bytes.bigEndian16(at: 28)
        bufferAbsoluteMaximum = bytes.bigEndian16(at: 30)
    }

    /// `bytes` have room for `sizeBytes`.
    func write(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.setBigEndian32(ssrc, at: 0)
        bytes[4] = lossRate
        bytes[5] = discardRate
        bytes[6] = burstDensity
        bytes[7] = gapDensity
        bytes.setBigEndian16(burstDuration, at: 8)
        bytes.setBigEndian16(gapDuration, at: 10)
        bytes.setBigEndian16(roundTripDelay, at: 12)
        bytes.setBigEndian16(endSystemDelay, at: 14)
        bytes[16] = signalLevel
        bytes[17] = noiseLevel
        bytes[18] = residualEchoReturnLoss
        bytes[19] = gmin
        bytes[20] = rFactor
        bytes[21] = externalRFactor
        bytes[22] = mosListening
        bytes[23] = mosConversational
        bytes[24] = receiverConfiguration
        bytes[25] = 0
        bytes.setBigEndian16(bufferNominal, at: 26)
        bytes.setBigEndian16(bufferMaximum, at: 28)
        bytes.setBigEndian16(bufferAbsoluteMaximum, at: 30)
    }
}
