import Primitives
import SIPMessage
import SIPTransaction

/// What a REGISTER that was granted looked like, so that its refresh is known by its text.
///
/// All that decides about bindings is in it: a request that equals it in these does the same again, only later.
struct RegisterMemo: Sendable {
    let callID: String
    var cseq: UInt32
    let flow: SIPFlow
    /// Contact, Expires, Path, Supported, Require, To and User-Agent, in the order in which they came.
    let fields: [SIPHeaders.Field]
    /// How many Via values the request had, and who sent it: the topmost up to its parameters.
    let viaCount: Int
    let sentBy: String
    /// Bindings that it made or refreshed.
    let bindingCount: Int
    /// Fields of its answer besides Contact.
    let answerFields: [SIPHeaders.Field]

    init(
        of request: SIPRequest, callID: String, cseq: UInt32, flow: SIPFlow, bindingCount: Int,
        answerFields: [SIPHeaders.Field]
    ) {
        self.callID = callID
        self.cseq = cseq
        self.flow = flow
        self.bindingCount = bindingCount
        self.answerFields = answerFields
        fields = request.headers.fields.filter { Self.decides($0.name) }
        viaCount = request.headers.fields.count { $0.name == .via }
        sentBy = String(Self.sentBy(request.headers[.via] ?? ""))
    }

    /// Whether `request` asks for the same. Call-ID and CSeq are for the caller to compare.
    func matches(_ request: SIPRequest, over flow: SIPFlow) -> Bool {
        guard flow == self.flow else { return false }
        var position = 0
        var vias = 0
        for field in request.headers.fields {
            if field.name == .via {
                vias += 1
                if vias == 1, !isSentByTheSame(field.value) { return false }
            } else if Self.decides(field.name) {
                guard position < fields.count, fields[position].value == field.value,
                    fields[position].name == field.name
                else { return false }
                position += 1
            }
        }
        return position == fields.count && vias == viaCount
    }

    private static func decides(_ name: SIPHeaderName) -> Bool {
        name == .contact || name == .to || name == .expires || name == .supported || name == .userAgent
            || name == .path || name == .require
    }

    private static func sentBy(_ via: String) -> Substring { via.prefix { $0 != ";" } }

    private func isSentByTheSame(_ via: String) -> Bool {
        let text = via.utf8
        guard text.starts(with: sentBy.utf8) else { return false }
        return text.dropFirst(sentBy.utf8.count).first.map { $0 == UInt8(ascii: ";") } ?? true
    }
}

extension Registrar {
    /// The answer to a request that repeats an earlier one word for word, but for its CSeq; nil when it does not, and
    /// has to be read.
    mutating func refresh(
        _ request: SIPRequest, callID: String, cseq: UInt32, addressOfRecord: String, over flow: SIPFlow,
        at now: Instant, wall: UnixTime
    ) -> RegistrationAnswer? {
        guard let place = table.index(forKey: addressOfRecord),
            let answer = table.values[place].refresh(
                request, callID: callID, cseq: cseq, over: flow, counter: &refreshCounter, at: now, wall: wall)
        else { return nil }
        if answer.outcome == .refreshed { unsaved.noteRefresh(of: addressOfRecord, at: now) }
        return answer
    }
}

extension Registrar.Entry {
    /// Works in place: nothing of what the entry holds is copied.
    fileprivate mutating func refresh(
        _ request: SIPRequest, callID: String, cseq: UInt32, over flow: SIPFlow, counter: inout UInt64,
        at now: Instant, wall: UnixTime
    ) -> RegistrationAnswer? {
        guard let memo = memos.firstIndex(where: { $0.callID == callID }), cseq >= memos[memo].cseq,
            memos[memo].matches(request, over: flow)
        else { return nil }
        let number = memos[memo].cseq
        var own = 0
        for index in bindings.indices
        where bindings[index].cseq == number && bindings[index].expiresAt > now && bindings[index].callID == callID {
            own += 1
        }
        guard own == memos[memo].bindingCount else { return nil }
        var answer = RegistrationAnswer(status: 200, reason: "OK")
        answer.fields.reserveCapacity(bindings.count + memos[memo].answerFields.count)
        if cseq > number {
            answer.outcome = .refreshed
            memos[memo].cseq = cseq
        }
        for index in bindings.indices where bindings[index].expiresAt > now {
            if cseq > number, bindings[index].cseq == number, bindings[index].callID == callID {
                counter += 1
                bindings[index].refresh(cseq: cseq, order: counter, at: now, wall: wall)
            }
            // Field by field: a call on the binding would copy it.
            let text = Binding.answerText(
                bindings[index].contactText, bindings[index].publicGRUU, until: bindings[index].expiresAt, at: now)
            answer.fields.append(.init(.contact, text))
        }
        answer.fields += memos[memo].answerFields
        return answer
    }
}

extension Binding {
    fileprivate mutating func refresh(cseq: UInt32, order: UInt64, at now: Instant, wall: UnixTime) {
        self.cseq = cseq
        refreshOrder = order
        expiresAt = Instant(nanoseconds: now.nanoseconds + Int64(seconds) * 1_000_000_000)
        expiresAtWall = UnixTime(milliseconds: wall.milliseconds + Int64(seconds) * 1000)
    }
}
