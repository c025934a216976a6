/// What one side of a session has beyond a stream that is passed on: an ear where its voice ends, a mouth where audio of
/// our own making begins, and what listens and speaks there. It is changed where it stands, so that a tick copies nothing.
final class Terminal {
    var program = AudioProgram.peer
    /// Another session listens to what this side says.
    var isOverheard = false
    var ear: AudioPlayout?
    var mouth: AudioFramer?
    var player: Player?
    var keys = OutgoingKeys()
    var collection: DigitCollection?
    /// What the side says and hears in the present tick, as far as there is an ear and a mouth.
    let said = SampleBuffer(count: Room.samplesAtMost)
    let heard = SampleBuffer(count: Room.samplesAtMost)
    /// The program has ended within the present tick: what is begun of a packet is to be sent.
    var isFinishing = false
    /// What could not be made for the ear: not tried again.
    var failedEar: AudioCodec?
    /// Undecodable payloads that the leg knows of.
    var undecodable: UInt64 = 0

    var isInRoom: Bool {
        if case .room = program { true } else { false }
    }

    /// Whether something here wants to know what the side says; `takesEvents`: its keys come as telephone events.
    func needsEar(isRecorded: Bool, takesEvents: Bool) -> Bool {
        isInRoom || isOverheard || isRecorded || collection != nil && !takesEvents
    }

    /// Whether something is made here for the side to hear.
    var needsMouth: Bool {
        switch program {
        case .peer, .silence: keys.isActive
        case .playing, .listening: true
        case .room(_, let participation): participation.mayHear || keys.isActive
        }
    }

    /// Nothing here is of any use.
    var isIdle: Bool { program == .peer && !isOverheard && !keys.isActive && collection == nil }
}
