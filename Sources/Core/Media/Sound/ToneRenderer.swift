/// Turns a cadence into samples: each frequency by a phase that counts on through pauses, each start and end over 5 ms.
///
/// Memory is taken when it is made, none while it runs.
package struct ToneRenderer: Sendable {
    private struct Voice: Sendable {
        let step: UInt32
        let peak: Int
    }
    private struct Piece: Sendable {
        let voices: Range<Int>
        let count: Int
        /// Which of the cadence's sounds this is: neighbours with the same one run into each other.
        let sound: Int
    }

    private let voices: [Voice]
    private let pieces: [Piece]
    private let leadCount: Int
    private let leadLength: Int
    private let cycleLength: Int
    private let cycles: Int?
    private let ramp: Int

    private var index = 0
    private var pass = 0
    /// Samples of the piece that are done.
    private var offset = 0
    private var phase: UInt32 = 0
    private var fadesIn = true
    private var fadesOut = true

    package init(_ cadence: ToneCadence, rate: Int) {
        var voices: [Voice] = []
        var pieces: [Piece] = []
        var sounds: [[ToneCadence.Component]] = []
        func add(_ segments: [ToneCadence.Segment]) {
            for segment in segments {
                let count = segment.duration.samples(rate: rate)
                guard count > 0 else { continue }
                let first = voices.count
                voices += segment.components.map {
                    Voice(
                        step: SineTable.step(hertz: Double($0.hertz), rate: rate),
                        peak: Int(SignalLevel.sinePeak(dBm0: $0.level).rounded()))
                }
                let sound = sounds.firstIndex(of: segment.components) ?? sounds.count
                if sound == sounds.count { sounds.append(segment.components) }
                pieces.append(Piece(voices: first..<voices.count, count: count, sound: sound))
            }
        }
        add(cadence.lead)
        leadCount = pieces.count
        leadLength = pieces.reduce(0) { $0 + $1.count }
        add(cadence.cycle)
        self.voices = voices
        self.pieces = pieces
        cycleLength = pieces[leadCount...].reduce(0) { $0 + $1.count }
        cycles = leadCount == pieces.count ? 0 : cadence.cycles.map { max(0, $0) }
        ramp = rate / 200
        enter()
    }

    /// Samples from beginning to end; nil: it does not end.
    package var length: Int? {
        guard let cycles else { return nil }
        let (product, overflow) = cycleLength.multipliedReportingOverflow(by: cycles)
        return overflow ? Int.max / 2 : min(Int.max / 2, leadLength + product)
    }

    /// Goes on at `sample`, counted from the beginning.
    package mutating func seek(to sample: Int) {
        var rest = max(0, sample)
        phase = UInt32(truncatingIfNeeded: rest)
        (index, pass, offset) = (0, 0, 0)
        if rest >= leadLength, cycleLength > 0 {
            index = leadCount
            pass = (rest - leadLength) / cycleLength
            rest = (rest - leadLength) % cycleLength
        }
        while index < pieces.count, rest >= pieces[index].count {
            rest -= pieces[index].count
            index += 1
        }
        offset = rest
        enter()
    }

    /// Fills `output` as far as the tone goes; how many samples that are.
    package mutating func render(into output: UnsafeMutableBufferPointer<Int16>) -> Int {
        var done = 0
        while done < output.count, index < pieces.count, index < leadCount || pass < cycles ?? .max {
            let piece = pieces[index]
            let count = min(output.count - done, piece.count - offset)
            sound(piece, into: UnsafeMutableBufferPointer(rebasing: output[done..<done + count]))
            done += count
            offset += count
            phase &+= UInt32(truncatingIfNeeded: count)
            if offset == piece.count { advance() }
        }
        return done
    }

    private mutating func advance() {
        offset = 0
        index += 1
        if index == pieces.count, leadCount < pieces.count {
            index = leadCount
            pass &+= 1
        }
        enter()
    }

    /// Finds out which edges of the piece are heard as such.
    private mutating func enter() {
        guard index < pieces.count else { return }
        let sound = pieces[index].sound
        let isFirstOfCycle = index == leadCount
        let before: Int? =
            isFirstOfCycle && pass > 0 ? pieces.last?.sound : index > 0 ? pieces[index - 1].sound : nil
        let isLastOfCycle = index == pieces.count - 1
        let goesOn = index < leadCount ? (cycles ?? 1) > 0 : pass + 1 < cycles ?? .max
        let after: Int? =
            !isLastOfCycle
            ? (index + 1 < leadCount || goesOn || index >= leadCount ? pieces[index + 1].sound : nil)
            : index >= leadCount && goesOn ? pieces[leadCount].sound : nil
        fadesIn = before != sound
        fadesOut = after != sound
    }

    private func sound(_ piece: Piece, into output: UnsafeMutableBufferPointer<Int16>) {
        guard !piece.voices.isEmpty else {
            output.update(repeating: 0)
            return
        }
        SineTable.values.withUnsafeBufferPointer { table in
            voices.withUnsafeBufferPointer { voices in
                for position in 0..<output.count {
                    let time = phase &+ UInt32(truncatingIfNeeded: position)
                    var sum = 0
                    for voice in piece.voices {
                        sum &+= voices[voice].peak &* SineTable.sine(time &* voices[voice].step, table)
                    }
                    let value = (sum &+ 1 &<< (SineTable.scaleBits - 1)) &>> SineTable.scaleBits
                    output[position] = Int16(clamping: shaped(value, at: offset + position, of: piece.count))
                }
            }
        }
    }

    @inline(__always) private func shaped(_ value: Int, at position: Int, of count: Int) -> Int {
        var value = value
        let ramp = min(ramp, count / 2)
        if fadesIn, position < ramp { value = Fade.apply(value, step: position, of: ramp) }
        if fadesOut, count - 1 - position < ramp { value = Fade.apply(value, step: count - 1 - position, of: ramp) }
        return value
    }
}

/// The shape of starts and ends: slow, quick, slow, so that neither corner is heard.
enum Fade {
    /// `value` at `step` of the `count` steps from silence to full.
    @inline(__always) static func apply(_ value: Int, step: Int, of count: Int) -> Int {
        // Of 2 * count + 1 half steps the odd ones: the first is not nothing, the last not everything.
        let part = (2 * step + 1) &<< 15 / (2 * count)
        let square = (part &* part) &>> 15
        let gain = 3 &* square &- (2 &* square &* part) &>> 15
        return (value &* gain) &>> 15
    }
}
