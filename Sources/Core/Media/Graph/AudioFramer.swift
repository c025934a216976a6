import Primitives
import RTP

/// Where audio of our own making goes out to a peer: collects samples to the leg's packet time, encodes them, and sends
/// them in the leg's stream, whose numbers go on from whatever was sent before (a relayed peer, other music).
///
/// The first packet after a pause bears the marker (RFC 3551 section 4.1). After set-up nothing is allocated.
struct AudioFramer {
    /// What a framer is made for; another key needs another one.
    struct Key: Equatable, Sendable {
        var codec: AudioCodec
        /// Samples per second of what is pushed.
        var rate: Int
        /// Samples in a packet.
        var frameSamples: Int
        /// What the peer wants of Opus.
        var opus: OpusParameters?

        init(_ description: MediaStreamDescription, rate: Int) {
            codec = description.codec
            opus = description.codec == .opus ? description.opus : nil
            self.rate = rate
            frameSamples = Transcoder.frameSamples(description.codec, ptime: description.ptime, rate: rate)
        }
    }

    let key: Key
    private let encoder: any AudioEncoder
    private let pcm: SampleBuffer
    private var count = 0
    private var isRunning = false
    private var marker = true
    /// Outgoing timestamp of `pcm[0]`.
    private var start: UInt32 = 0

    init(_ key: Key, codecs: any CodecFactory) throws(MediaFailure) {
        self.key = key
        encoder = try codecs.makeEncoder(key.codec, rate: key.rate, for: key.opus)
        pcm = SampleBuffer(count: key.frameSamples + key.rate / 10)
    }

    /// What the peer reports as lost.
    func expectLoss(fractionOf256 fraction: UInt8) { encoder.expectLoss(percent: (Int(fraction) * 100 + 128) / 256) }

    /// Forgets what is begun; the next packet begins a talk spurt.
    mutating func pause() {
        count = 0
        isRunning = false
    }

    /// Takes samples (at most a tenth of a second) that begin at `now`, and sends every frame that they complete. To a
    /// peer that is to get nothing now they are lost.
    mutating func push(
        _ samples: UnsafeBufferPointer<Int16>, at now: Instant, leg: inout MediaLeg, output: inout PacketBatch
    ) {
        guard leg.destination != nil, samples.count <= key.rate / 10 else { return pause() }
        if !isRunning {
            start = leg.resumption(at: now)
            leg.history.lead(encoder)
            marker = true
            isRunning = true
        }
        let place = pcm[count..<count + samples.count]
        for index in 0..<samples.count { place[index] = samples[index] }
        count += samples.count
        drain(at: now, leg: &leg, output: &output)
    }

    /// Sends what is begun with silence behind it, and pauses.
    mutating func finish(at now: Instant, leg: inout MediaLeg, output: inout PacketBatch) {
        if count > 0, isRunning {
            pcm[count..<key.frameSamples].update(repeating: 0)
            count = key.frameSamples
            drain(at: now, leg: &leg, output: &output)
        }
        pause()
    }

    private mutating func drain(at now: Instant, leg: inout MediaLeg, output: inout PacketBatch) {
        var consumed = 0
        while count - consumed >= key.frameSamples {
            encodeFrame(at: consumed, now: now, leg: &leg, output: &output)
            start = start &+ UInt32(truncatingIfNeeded: key.frameSamples * key.codec.clockRate / key.rate)
            consumed += key.frameSamples
        }
        guard consumed > 0 else { return }
        count -= consumed
        pcm.moveToFront(consumed..<consumed + count)
    }

    private mutating func encodeFrame(
        at offset: Int, now: Instant, leg: inout MediaLeg, output: inout PacketBatch
    ) {
        guard let destination = leg.destination, let payloadType = leg.payloadType, let slot = output.reserve() else {
            return
        }
        let bytes = encoder.encode(
            UnsafeBufferPointer(pcm[offset..<offset + key.frameSamples]),
            into: UnsafeMutableRawBufferPointer(rebasing: slot[RTPHeader.sizeBytes...]))
        guard let bytes else { return }
        let header = leg.stream.nextHeader(payloadType: payloadType, timestamp: start, marker: marker)
        leg.send(header, payloadBytes: bytes, in: slot, to: destination, at: now, output: &output)
        marker = false
    }
}
