import Applications
import Media
import Primitives
import Settings
import Testing

@Suite struct CallRecordingsTests {
    private static let wall = UnixTime(seconds: 1_800_000_000)

    @Test func `with one recording too many the oldest goes`() {
        var recordings = CallRecordings(retentionDays: 0)
        for number in 0..<CallRecordings.most + 1 {
            let id = recordings.begin("101", with: "100", at: Self.wall + .seconds(number))
            #expect(recordings.handle(.written(id, seconds: 5)) == nil)
        }
        #expect(recordings.all.count == CallRecordings.most)
        let deleted = recordings.commands.compactMap { command -> MessageID? in
            if case .delete(let id) = command { id } else { nil }
        }
        #expect(deleted == [.recording(of: "101", number: Self.wall.milliseconds)])
    }

    @Test func `what the disk holds is listed again, and voice messages are not`() {
        var recordings = CallRecordings(retentionDays: 30)
        func message(_ id: MessageID) -> VoiceMessage {
            VoiceMessage(id: id, caller: "100", left: Self.wall, seconds: 4, isNew: false)
        }
        let mine = message(.recording(of: "101", number: 7))
        let found = [message(MessageID(box: "101", number: 6)), mine]
        _ = recordings.handle(.found(found))
        #expect(recordings.all == [mine])
        var boxes = Mailboxes(VoicemailSettings())
        boxes.found(found)
        #expect(boxes.all.isEmpty)
        recordings.sweep(at: .origin, wall: Self.wall + .seconds(30 * 86_400))
        #expect(recordings.commands.isEmpty)
        recordings.sweep(at: .origin + .seconds(3_600), wall: Self.wall + .seconds(31 * 86_400))
        #expect(recordings.all.isEmpty && recordings.commands == [.delete(mine.id)])
    }

    @Test func `what was not written, or says nothing, is not kept`() {
        var recordings = CallRecordings(retentionDays: 30)
        let one = recordings.begin("101", with: "", at: Self.wall)
        let text = recordings.handle(.notWritten(one, "the disk is full"))
        #expect(text?.contains("the disk is full") == true)
        let other = recordings.begin("101", with: "", at: Self.wall)
        _ = recordings.handle(.written(other, seconds: 0))
        #expect(recordings.all.isEmpty && recordings.handle(.written(other, seconds: 9)) == nil)
    }
}
