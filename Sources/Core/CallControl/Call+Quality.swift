import CloudMessages
import Media
import Primitives
import RTP

/// What is known of how one leg sounds. It stays with the leg: who comes after it on its side has figures of its own.
struct LegAudio: Sendable {
    /// As told last, in the end the final ones; nil before any came.
    var statistics: StreamStatistics?
    /// Whether the party is heard.
    var path = AudioPath.flowing
    /// What kept it from being heard last, though it may be over.
    var trouble: AudioPath?
}

/// How the parties of a call sound, and whether they are heard.
extension Call {
    /// How long nobody is missed who has just come: the workers may still tell of a silence before the answer.
    private static let settling = Duration.seconds(5)

    /// The figures of both sides.
    mutating func measured(_ a: StreamStatistics, _ b: StreamStatistics, _ context: inout CallContext) {
        measured(.a, a, &context)
        measured(.b, b, &context)
    }

    private mutating func measured(_ side: MediaSide, _ statistics: StreamStatistics, _ context: inout CallContext) {
        guard let index = leg(on: side, named: statistics.party) else { return }
        // Workers that have forgotten the session have nothing to say, and take nothing back.
        if statistics == StreamStatistics(), participants[index].audio.statistics != nil { return }
        participants[index].audio.statistics = statistics
        // A change may have been told of who was there before, or before the answer; figures say whom they are about.
        guard statistics.party != nil, let talkingSince, context.now - talkingSince >= Self.settling else { return }
        heard(index, statistics.path, &context)
    }

    /// One-way audio and its end. Before the answer, a telephone may keep silent.
    mutating func heard(_ side: MediaSide, _ path: AudioPath, _ context: inout CallContext) {
        guard phase == .talking, let index = bridge[side] else { return }
        heard(index, path, &context)
    }

    private mutating func heard(_ index: Int, _ path: AudioPath, _ context: inout CallContext) {
        guard participants[index].audio.path != path else { return }
        participants[index].audio.path = path
        guard path.isTrouble else { return }
        participants[index].audio.trouble = path
        let isOtherHeard =
            bridge[participants[index].side.other].map { !participants[$0].audio.path.isTrouble } ?? true
        context.count(isOtherHeard ? "media.one-way" : "media.no-way")
        context.count("media.unheard-\(path.name)")
    }

    /// Whom figures are about: who the workers say, else who is on that side now.
    private func leg(on side: MediaSide, named party: Int?) -> Int? {
        guard let party else { return joined(side) }
        return participants.indices.contains(party) && participants[party].side == side ? party : nil
    }

    /// The leg that is heard on a side now.
    private func joined(_ side: MediaSide) -> Int? { bridge[side] ?? (fork?.side == side ? early : nil) }

    // MARK: What others see of it

    /// The legs that are joined now, as far as anything is known of them.
    var liveQuality: [CallLegQuality] { MediaSide.allCases.compactMap { joined($0).flatMap(quality) } }

    /// All legs that had media in this call, in the order of their coming.
    var recordedQuality: [CallLegQuality] { legs.indices.compactMap(quality) }

    /// What keeps a party from being heard, in words.
    var audioTrouble: [String] {
        MediaSide.allCases.compactMap { side in
            joined(side).flatMap { index in
                let path = participants[index].audio.path
                return path.isTrouble ? "\(legs[index].party.number) is not heard: it \(path)" : nil
            }
        }
    }

    /// Nil of a leg without media.
    private func quality(of index: Int) -> CallLegQuality? {
        let audio = participants[index].audio
        guard let codec = legs[index].media.stream?.codec, let figures = audio.statistics else { return nil }
        var quality = CallLegQuality(
            codec: codec.rawValue, packetsReceived: figures.packetsReceived, packetsSent: figures.packetsSent,
            packetsLost: figures.packetsLost, jitterMilliseconds: figures.jitterMilliseconds)
        quality.party = legs[index].party.number
        quality.packetsDiscarded = figures.packetsDiscarded
        quality.roundTripMilliseconds = figures.roundTripMilliseconds
        quality.opinionReceived = figures.received?.mosConversational
        quality.opinionSent = figures.sent?.mosConversational
        quality.isOpinionReported = figures.sent?.isReported == true
        if let lost = figures.peerPacketsLost, figures.packetsSent > 0 {
            quality.peerLossFraction = min(1, Double(lost) / Double(figures.packetsSent))
        }
        quality.peerDiscardFraction = figures.peerDiscardFraction
        quality.peerJitterMilliseconds = figures.peerJitterMilliseconds
        quality.audioPath = audio.path.name
        quality.trouble = audio.trouble?.description
        return quality
    }
}
