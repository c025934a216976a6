package import SIPMessage

/// Which side of the exchange that made the dialog we are (RFC 3261 section 12.1).
package enum DialogRole: Sendable, Hashable {
    /// We sent the request.
    case uac
    /// We received the request.
    case uas
}

/// Call-ID and both tags, as seen from our side (RFC 3261 section 12). A peer of RFC 2543 has the empty tag.
package struct DialogID: Hashable, Sendable, Comparable {
    package let callID: String
    package let localTag: String
    package let remoteTag: String

    package init(callID: String, localTag: String, remoteTag: String) {
        self.callID = callID
        self.localTag = localTag
        self.remoteTag = remoteTag
    }

    /// The dialog that a request names, which we sent (`.uac`) or received (`.uas`). Nil when it carries no To tag, so
    /// that it is outside every dialog, or cannot be read.
    package init?(of request: SIPRequest, as role: DialogRole) {
        guard let callID = try? request.callID(), let from = try? request.from(), let to = (try? request.to())?.tag
        else {
            return nil
        }
        self.init(callID: callID, from: from.tag ?? "", to: to, role: role)
    }

    /// The dialog that a response makes or belongs to, which we received (`.uac`) or sent (`.uas`). Nil when it carries
    /// no To tag, as 100 Trying, or cannot be read.
    package init?(of response: SIPResponse, as role: DialogRole) {
        guard let callID = try? response.callID(), let from = try? response.from(), let to = (try? response.to())?.tag
        else { return nil }
        self.init(callID: callID, from: from.tag ?? "", to: to, role: role)
    }

    private init(callID: String, from: String, to: String, role: DialogRole) {
        switch role {
        case .uac: self.init(callID: callID, localTag: from, remoteTag: to)
        case .uas: self.init(callID: callID, localTag: to, remoteTag: from)
        }
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.callID, left.localTag, left.remoteTag) < (right.callID, right.localTag, right.remoteTag)
    }
}
