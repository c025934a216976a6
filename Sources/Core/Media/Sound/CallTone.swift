/// What a tone tells the caller (ITU-T E.182).
package enum CallTone: String, Hashable, Sendable, CaseIterable {
    case dial
    case ringback
    case busy
    case congestion
    /// Heard by who talks: somebody else calls.
    case callWaiting = "call-waiting"
    /// Heard by all sides of a conversation that is recorded.
    case recorderWarning = "recorder-warning"
    /// A service was switched as asked ("positive indication tone").
    case confirmation
    /// Goes ahead of an announcement: the number cannot be reached.
    case specialInformation = "special-information"
}
