import Media
import Primitives

/// Who hears whom, as the media workers were told.
extension Office {
    /// What reaches a line: the names of lines, `music`, `a tone`, in order; empty: nothing.
    func heard(by line: OfficeLine) -> [String] {
        guard line.stream?.receives == true else { return [] }
        var heard: [String] = []
        for (id, session) in model.sessions.sorted(by: { $0.key < $1.key }) {
            for side in MediaSide.allCases {
                guard let stream = session.streams[side], stream.sends, stream.remote == line.rtpEndpoint else {
                    continue
                }
                heard += sound(for: side, of: session, id)
            }
        }
        return heard.sorted()
    }

    private func sound(for side: MediaSide, of session: MediaModel.Session, _ id: UInt64) -> [String] {
        switch session.programs[side] ?? .peer {
        case .silence, .listening: return []
        case .playing(let playlist, _):
            return [playlist == .music(MusicOnHold.builtIn) ? "music" : "a tone"]
        case .peer:
            return speaker(session.streams[session.isEcho ? side : side.other]).map { [$0] } ?? []
        case .room(let room, _):
            return model.sessions.sorted { $0.key < $1.key }.flatMap { other, session in
                MediaSide.allCases.compactMap { end in
                    guard case .room(room, let part)? = session.programs[end], part.mayTalk, (other, end) != (id, side)
                    else { return nil }
                    return speaker(session.streams[end])
                }
            }
        }
    }

    /// The line at the end of a stream, if what it says is taken and it says something.
    private func speaker(_ stream: MediaStreamDescription?) -> String? {
        guard let stream, stream.receives, let remote = stream.remote else { return nil }
        return lines.first { $0.rtpEndpoint == remote && $0.stream?.sends == true }?.name
    }
}
