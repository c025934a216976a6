import Primitives
import SIPTransaction

/// Whose new work is still taken while more comes in than is worked off.
///
/// Strangers may come later. A registered telephone or a trunk may begin something every second, as long as all of them
/// together stay within a rate that the appliance carries beside its running calls: so a flood of forged requests does
/// not silence an office, and an office that registers all at once does not delay its own calls.
struct OverloadAdmission: Sendable {
    /// Requests of one peer in a second: a call or a registration takes two, the second with credentials.
    static let perPeer = 4

    /// More comes in than is worked off.
    var isOverloaded = false
    private let perSecond: Int
    private var second = Instant.origin
    private var admitted: [Endpoint: Int] = [:]
    private var total = 0

    /// - Parameter perSecond: requests of all familiar peers together.
    init(perSecond: Int) { self.perSecond = perSecond }

    /// True when new work from `remote` is to be taken all the same; to be asked while `isOverloaded` only, for the
    /// rates count what it lets pass. `isFamiliar`: it has proved before who it is.
    mutating func admits(_ remote: Endpoint, isFamiliar: Bool, at now: Instant) -> Bool {
        guard isFamiliar else { return false }
        if now - second >= .seconds(1) {
            second = now
            admitted = [:]
            total = 0
        }
        guard total < perSecond, admitted[remote, default: 0] < Self.perPeer else { return false }
        admitted[remote, default: 0] += 1
        total += 1
        return true
    }
}
