import SIPDialog
import SIPMessage
import Testing

struct DialogSetTests {
    @Test func `forks make early dialogs, the first 2xx is the call, the others are surplus`() throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        #expect(try set.receive(response(100, to: invite, tag: nil)) == .none)
        #expect(try set.receive(response(180, to: invite, tag: nil)) == .none)
        for tag in ["a", "b", "c"] {
            guard case .early(let dialog) = try set.receive(response(180, to: invite, tag: tag)) else {
                Issue.record("no early dialog")
                return
            }
            #expect(dialog.id.remoteTag == tag && dialog.state == .early)
        }
        let moved = try set.receive(response(183, to: invite, tag: "a", contact: "<sip:bob@192.0.2.99>"))
        guard case .updated(let dialog) = moved else {
            Issue.record("no update")
            return
        }
        #expect(dialog.remoteTarget.host == "192.0.2.99")
        guard case .confirmed(let call) = try set.receive(response(200, to: invite, tag: "b")) else {
            Issue.record("not confirmed")
            return
        }
        #expect(set.confirmed == call && call.state == .confirmed)
        #expect(try set.receive(response(200, to: invite, tag: "b")) == .repeated(call))
        for _ in 0..<2 {
            guard case .surplus(let other) = try set.receive(response(200, to: invite, tag: "c")) else {
                Issue.record("not surplus")
                return
            }
            #expect(other.id.remoteTag == "c" && other.state == .confirmed)
        }
        #expect(try set.receive(response(180, to: invite, tag: "b")) == .none)  // overtaken
        #expect(set.early.map(\.id.remoteTag) == ["a"])
        set.remove(dialog.id)
        #expect(set.early.isEmpty && set.dialogs.map(\.id.remoteTag) == ["b", "c"])
        set.endOthers()
        #expect(set.dialogs == [call] && set.confirmed == call)
    }

    @Test(arguments: [302, 404, 486, 487, 603]) func `a refusal ends every early dialog`(status: Int) throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        _ = try set.receive(response(180, to: invite, tag: "a"))
        _ = try set.receive(response(180, to: invite, tag: "b"))
        guard case .ended(let dialogs) = try set.receive(response(status, to: invite, tag: "z")) else {
            Issue.record("not ended")
            return
        }
        #expect(dialogs.map(\.id.remoteTag) == ["a", "b"])
        #expect(set.dialogs.isEmpty)
    }

    @Test func `a 2xx without provisional responses, and one without tag`() throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        guard case .confirmed(let old) = try set.receive(response(200, to: invite, tag: nil)) else {
            Issue.record("not confirmed")
            return
        }
        #expect(old.id.remoteTag.isEmpty)
        #expect(try set.receive(response(200, to: invite, tag: nil)) == .repeated(old))
        guard case .surplus = try set.receive(response(200, to: invite, tag: "new")) else {
            Issue.record("not surplus")
            return
        }
    }

    @Test func `numbers that an early dialog used stay with it`() throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        guard case .early(var dialog) = try set.receive(response(183, to: invite, tag: "a")) else {
            Issue.record("no early dialog")
            return
        }
        _ = dialog.makeRequest(.prack)
        set.replace(dialog)
        guard case .confirmed(let call) = try set.receive(response(200, to: invite, tag: "a")) else {
            Issue.record("not confirmed")
            return
        }
        #expect(call.localCSeq == 8)
    }

    @Test func `the number of dialogs is bounded, and the call finds its place`() throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        for fork in 0..<(DialogSet.limit + 4) { _ = try set.receive(response(180, to: invite, tag: "t\(fork)")) }
        #expect(set.dialogs.count == DialogSet.limit)
        guard case .confirmed(let call) = try set.receive(response(200, to: invite, tag: "t17")) else {
            Issue.record("not confirmed")
            return
        }
        #expect(set.confirmed == call)
        for fork in 20..<60 {
            guard case .surplus = try set.receive(response(200, to: invite, tag: "t\(fork)")) else {
                Issue.record("not surplus")
                return
            }
        }
        #expect(set.dialogs.count == DialogSet.limit)
    }

    @Test func `a 2xx that makes no dialog throws and changes nothing`() throws {
        let invite = try invite()
        var set = DialogSet(invite: invite)
        #expect(throws: DialogError.missing("Contact", in: "response")) {
            try set.receive(response(200, to: invite, contact: nil))
        }
        #expect(set.dialogs.isEmpty && set.confirmed == nil)
    }
}
