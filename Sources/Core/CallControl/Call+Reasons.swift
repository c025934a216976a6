import Media
import SIPMessage

/// Why parties end or refuse a call, passed across the bridge (RFC 3326).
extension Call {
    /// What the other party is told when one of the joined ones has ended the call: what that one said.
    var endReasons: [ReasonValue] {
        for side in MediaSide.allCases {
            if let index = bridge[side], !legs[index].endReasons.isEmpty { return legs[index].endReasons }
        }
        return []
    }

    /// Goes with a refusal of the caller: what the callee said that was the last to refuse with that status.
    func reasonFields(of status: Int) -> [SIPHeaders.Field] {
        CallLeg.fields(legs.last { $0.refusal?.status == status }?.refusal?.reasons ?? [])
    }
}
