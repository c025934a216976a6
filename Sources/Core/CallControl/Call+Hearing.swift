import Media

/// What the parties hear when it is not each other.
extension Call {
    /// Tells the media workers what each side is to hear now, where that has changed.
    mutating func configureHearing(_ context: inout CallContext) {
        guard phase == .talking else { return }
        for side in MediaSide.allCases where bridge[side] != nil {
            let program = program(for: side)
            guard hearing[side, default: .peer] != program else { continue }
            hearing[side] = program
            context.effects.append(.media(.hear(MediaSessionID(id), side, program)))
        }
    }

    private func program(for side: MediaSide) -> AudioProgram {
        if let program = applicationProgram(for: side) ?? recordingProgram(for: side) { return program }
        switch service {
        case .conference(let room): return .room(room, RoomParticipation(mayTalk: !isListener))
        case .tone(let tone): return .playing(sounds.brief(tone), then: .silence)
        case .dialTone: return hasDialled ? .silence : .playing(sounds.dial, then: .silence)
        case .echo, .orbit, .application, nil: break
        }
        guard let other = bridge[side.other] else {
            if parked != nil, early == nil { return sounds.hold.map { .playing($0, then: .silence) } ?? .silence }
            if recall != nil, early == nil { return .playing(sounds.ringback, then: .peer) }
            return transfer == nil || early != nil ? .peer : .playing(sounds.ringback, then: .peer)
        }
        return hasToWait(for: other) ? sounds.hold.map { .playing($0, then: .peer) } ?? .peer : .peer
    }

    /// Whether the party of that leg has put the other one on hold, and lets it hear nothing of its own. The network
    /// behind a line may send its own music with `sendonly`; a telephone that says so sends silence, if anything.
    private func hasToWait(for index: Int) -> Bool {
        guard legs[index].media.isHeldByPeer, let stream = legs[index].media.stream else { return false }
        return !stream.receives || participants[index].line == nil
    }
}
