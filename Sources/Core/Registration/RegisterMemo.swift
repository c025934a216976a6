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
    private let fields: [SIPHeaders.Field]
    /// How many Via values the request had, and who sent it.
    private let viaCount: Int
    private let via: Via?
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
        // Copied: a slice would keep the whole message.
        fields = request.headers.fields.filter { Self.decides($0.name) }.map {
            SIPHeaders.Field($0.name, bytes: Array($0.bytes)[...])
        }
        viaCount = Self.viaCount(request)
        via = try? request.topVia()
    }

    /// Whether `request` asks for the same. Call-ID and CSeq are for the caller to compare.
    func matches(_ request: SIPRequest, over flow: SIPFlow) -> Bool {
        guard flow == self.flow, Self.viaCount(request) == viaCount, isSentByTheSame(try? request.topVia()) else {
            return false
        }
        // In place: a copy of every field costs more than looking at it.
        return request.headers.fields.withUnsafeBufferPointer { others in
            fields.withUnsafeBufferPointer { fields in
                var position = 0
                for index in others.indices where Self.decides(others[index].name) {
                    guard position < fields.count, fields[position].name == others[index].name,
                        Self.isEqual(fields[position].bytes, others[index].bytes)
                    else { return false }
                    position += 1
                }
                return position == fields.count
            }
        }
    }

    private static func decides(_ name: SIPHeaderName) -> Bool {
        name == .contact || name == .to || name == .expires || name == .supported || name == .userAgent
            || name == .path || name == .require
    }

    /// Eight bytes at a time: this is most of what a refresh does.
    private static func isEqual(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in
                var index = 0
                while index + 8 <= left.count {
                    guard
                        left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                            == right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    else { return false }
                    index += 8
                }
                while index < left.count {
                    guard left[index] == right[index] else { return false }
                    index += 1
                }
                return true
            }
        }
    }

    private static func viaCount(_ request: SIPRequest) -> Int {
        request.fields?.viaCount ?? (try? request.vias())?.count ?? 0
    }

    private func isSentByTheSame(_ other: Via?) -> Bool {
        via?.host == other?.host && via?.port == other?.port && via?.transport == other?.transport
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
            // By its parts: a call on the binding would copy it.
            answer.fields.append(
                Binding.answer(bindings[index].answerPrefix, until: bindings[index].expiresAt, at: now))
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
