package import Primitives

/// A log of class `LogClass.remoteAccess` (F-C11, R9): who opened the remote configuration, and when.
///
/// Each access is written twice in one step, as it was and anonymised; the original goes after 14 days, the copy stays.
/// Bounded in both: the oldest lines make room. Pure; whoever keeps it on a medium replaces the medium's bytes by `originals`
/// and `anonymised` after each change, so that what is not in here is nowhere.
package struct AccessLog: Sendable, Equatable {
    package struct Access: Sendable, Hashable {
        package var at: UnixTime
        package var address: IPAddress
        package init(at: UnixTime, address: IPAddress) {
            self.at = at
            self.address = address
        }
    }

    /// Oldest first.
    package private(set) var originals: [Access] = []
    /// Oldest first.
    package private(set) var anonymised: [AnonymousLine] = []

    /// So many lines of each kind are kept.
    package static let maximumLines = 10_000

    package init() {}

    /// What a medium held.
    package init(originals: [Access], anonymised: [AnonymousLine]) {
        self.originals = originals.suffix(Self.maximumLines)
        self.anonymised = anonymised.suffix(Self.maximumLines)
    }

    package mutating func append(_ address: IPAddress, at wall: UnixTime) {
        originals.append(Access(at: wall, address: address))
        anonymised.append(AnonymousLine(address: address, at: wall))
        if originals.count > Self.maximumLines { originals.removeFirst() }
        if anonymised.count > Self.maximumLines { anonymised.removeFirst() }
    }

    /// Deletes what is over; true when the medium has to be rewritten.
    package mutating func expire(at wall: UnixTime) -> Bool {
        let before = originals.count + anonymised.count
        if let horizon = LogClass.remoteAccess.originalHorizon(at: wall) { originals.removeAll { $0.at < horizon } }
        if let horizon = LogClass.remoteAccess.anonymisedHorizon(at: wall) {
            anonymised.removeAll { $0.hour < horizon }
        }
        return originals.count + anonymised.count != before
    }
}
