import Foundation
import Media
import Testing

@Suite struct PlayerTests {
    @Test(arguments: [1, 7, 80, 160, 161, 2_000])
    func `frames of any length make the same sound`(frame: Int) {
        let list = Playlist(
            [
                .clip(ramp(1_001, rate: 16_000)), .silence(.milliseconds(13)), .clip(ramp(777, from: 5_000)),
                .tone(TonePlan.itu.cadence(of: .busy), lasting: .milliseconds(700)),
            ], repeats: 2)
        for rate in [8_000, 16_000] {
            let whole = played(list, rate: rate, frame: 100_000, limit: 100_000)
            #expect(played(list, rate: rate, frame: frame, limit: 100_000) == whole)
            #expect(whole.count == (rate == 8_000 ? 500 + 104 + 777 + 5_600 : 1_001 + 208 + 1_554 + 11_200) * 2)
        }
    }

    @Test func `a clip is heard as it is but for 5 ms at each end`() {
        let pcm = played(Playlist([.clip(ramp(1_000, from: 1_000))]), limit: 10_000)
        #expect(pcm.count == 1_000)
        #expect(pcm[40..<960].elementsEqual((1_040..<1_960).map { Int16($0) }))
        #expect(abs(Int(pcm[0])) < 5)
        #expect(abs(Int(pcm[999])) < 10)
        #expect(zip(pcm[..<40], pcm[1...40]).allSatisfy { $0 <= $1 })
    }

    @Test func `loud clips one after the other make no click`() {
        let pcm = played(
            Playlist([.clip(flat(30_000, 400)), .clip(flat(-30_000, 400)), .silence(.milliseconds(10))], repeats: 3),
            limit: 10_000)
        #expect(pcm.count == 2_640)
        #expect(largestStep([0] + pcm + [0]) < 1_300)
        #expect(pcm.max() == 30_000)
        #expect(pcm.min() == -30_000)
    }

    @Test func `a seamless clip follows itself without a fade and fades at the ends`() {
        let pcm = played(Playlist([.clip(flat(10_000, 800, isSeamless: true))], repeats: 3), limit: 10_000)
        #expect(pcm.count == 2_400)
        #expect(pcm[40..<2_360].allSatisfy { $0 == 10_000 })
        #expect(pcm[0] < 100)
        #expect(pcm[2_399] < 100)
        let other = played(Playlist([.clip(flat(10_000, 800)), .clip(flat(10_000, 800))]), limit: 10_000)
        #expect(other[799] < 100)
        #expect(other[800] < 100)
    }

    @Test(arguments: [(8_000, 16_000), (16_000, 8_000)])
    func `a clip of the other rate keeps its tone and level`(from: Int, to: Int) {
        let samples = (0..<from).map { Int16((10_000 * sin(2 * .pi * 1_000 * Double($0) / Double(from))).rounded()) }
        let pcm = played(
            Playlist([.clip(AudioClip(name: "tone", rate: from, samples: samples))]), rate: to, limit: 100_000)
        #expect(pcm.count == to)
        // The filters' delay: 27 samples at 16 kHz, and one less where the first of two is left out.
        let (start, delay) = (to / 10, to == 8_000 ? 13.0 : 27)
        for index in start..<to - start {
            let ideal = 10_000 * sin(2 * .pi * 1_000 * (Double(index) - delay) / Double(to))
            #expect(abs(Double(pcm[index]) - ideal) < 20)
            if abs(Double(pcm[index]) - ideal) >= 20 { break }
        }
    }

    @Test func `the position goes on where another player stopped`() {
        let clip = ramp(8_000, from: 100)
        var first = Player(.music(clip), rate: 8_000)
        _ = read(&first, limit: 8_000 * 2 + 1_600)
        #expect(first.position == .milliseconds(2_200))
        #expect(!first.hasEnded)
        var second = Player(.music(clip, start: first.position), rate: 8_000)
        #expect(second.position == .milliseconds(2_200))
        let pcm = read(&second, limit: 800)
        #expect(pcm[400] == 100 + 1_600 + 400)
        #expect(pcm[0] < 60)
        #expect(second.position == .milliseconds(2_300))
        var wide = Player(.music(clip, start: .milliseconds(2_200)), rate: 16_000)
        #expect(abs(Int(read(&wide, limit: 1_600)[1_001]) - 2_193) < 15)
    }

    @Test(arguments: [(0, 1_000), (500, 500), (999, 1), (1_000, 0), (5_000, 0)])
    func `a start within or behind the end leaves what is left`(skipped: Int, left: Int) {
        let start = Duration.microseconds(skipped * 125)
        #expect(played(Playlist([.clip(ramp(1_000))], start: start), limit: 9_000).count == left)
        #expect(Player(Playlist([.clip(ramp(1_000))], start: start), rate: 8_000).hasEnded == (left == 0))
    }

    @Test func `a start amid the second sound of the second round`() {
        let list = Playlist(
            [.clip(flat(1_000, 800)), .clip(flat(2_000, 800))], repeats: 2, start: .milliseconds(350))
        let pcm = played(list, limit: 9_000)
        #expect(pcm.count == 400)
        #expect(pcm[200] == 2_000)
    }

    @Test func `repetition: once, twice, for ever, never`() {
        let clip = flat(500, 300)
        #expect(played(Playlist([.clip(clip)]), limit: 9_000).count == 300)
        #expect(played(Playlist([.clip(clip)], repeats: 2), limit: 9_000).count == 600)
        #expect(played(Playlist([.clip(clip)], repeats: nil), limit: 9_000).count == 9_000)
        #expect(played(Playlist([.clip(clip)], repeats: 0), limit: 9_000) == [])
        #expect(played(Playlist([.clip(clip)], repeats: -1), limit: 9_000) == [])
    }

    @Test func `nothing to play ends, even for ever`() {
        for sounds in [[], [.clip(flat(0, 0))], [.silence(.zero), .silence(.seconds(-5))]] as [[Playlist.Sound]] {
            var player = Player(Playlist(sounds, repeats: nil, start: .seconds(3)), rate: 8_000)
            #expect(player.hasEnded)
            #expect(read(&player, limit: 160) == [])
        }
    }

    @Test func `the end is known with the last sample`() {
        var player = Player(Playlist([.clip(flat(1, 320))]), rate: 8_000)
        #expect(read(&player, limit: 160).count == 160)
        #expect(!player.hasEnded)
        #expect(read(&player, limit: 160).count == 160)
        #expect(player.hasEnded)
        #expect(read(&player, limit: 160) == [])
        #expect(player.position == .milliseconds(40))
    }

    @Test func `stopped amid a sound it fades out within 5 ms`() {
        var player = Player(Playlist([.clip(flat(20_000, 8_000))]), rate: 8_000)
        _ = read(&player, limit: 1_000)
        player.stop()
        player.stop()
        let rest = read(&player, limit: 1_000)
        #expect(rest.count == 40)
        #expect(player.hasEnded)
        #expect(largestStep([20_000] + rest + [0]) < 900)
        #expect(read(&player, limit: 160) == [])
        var ended = Player(Playlist([]), rate: 8_000)
        ended.stop()
        #expect(read(&ended, limit: 160) == [])
    }

    @Test(arguments: [(-6.0, 5_012), (0, 10_000), (6, 19_953), (12, 32_767), (100, 32_767), (-100, 10)])
    func `the gain is applied and kept within bounds`(gain: Double, level: Int) {
        let pcm = played(Playlist([.clip(flat(10_000, 800))], gain: gain), limit: 800)
        #expect(abs(Int(pcm[400]) - level) <= 3)
    }

    @Test func `sounds beyond the limit are not played`() {
        let list = Playlist(Array(repeating: .clip(flat(1, 10)), count: SoundLimits.soundsPerPlaylist + 5))
        #expect(played(list, limit: 9_000).count == 10 * SoundLimits.soundsPerPlaylist)
        var long = Player(Playlist([.silence(.seconds(1_000_000_000))], start: .seconds(24 * 3_600 - 1)), rate: 8_000)
        #expect(read(&long, limit: 20_000).count == 8_000)
    }

    @Test func `a copy plays on by itself`() {
        var player = Player(Playlist([.clip(ramp(4_000))]), rate: 8_000)
        _ = read(&player, limit: 800)
        var copy = player
        #expect(read(&player, limit: 1_600) == read(&copy, limit: 1_600))
    }

    @Test func `playlists compare by their clips' identity`() {
        let clip = flat(1, 10)
        #expect(Playlist.music(clip) == Playlist.music(clip))
        #expect(Playlist.music(clip) != Playlist.music(flat(1, 10)))
        #expect(clip.duration == .microseconds(1_250))
    }
}

@Suite struct MusicOnHoldTests {
    @Test func `the built-in music is quiet, whole, and leads back into itself`() {
        let clip = MusicOnHold.builtIn
        #expect(clip.duration == .seconds(32))
        #expect(clip.isSeamless)
        #expect(abs(SignalLevel.dBm0(of: clip.samples) + 20) < 0.1)
        #expect((clip.samples.max() ?? 0) < 16_000)
        // Nowhere silent: half a second is within 8 dB of the mean.
        for start in stride(from: 0, to: clip.samples.count, by: 4_000) {
            #expect(abs(SignalLevel.dBm0(of: clip.samples[start..<start + 4_000]) + 20) < 8)
        }
        let seam = Array(clip.samples.suffix(50) + clip.samples.prefix(50))
        #expect(largestStep(seam) <= largestStep(clip.samples))
        #expect(largestStep(clip.samples) < 4_000)
    }
}
