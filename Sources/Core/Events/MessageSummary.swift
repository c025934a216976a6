/// How many voice messages wait (RFC 3842 section 3.5).
package struct MessageSummary: Sendable, Equatable {
    package var new: Int
    package var old: Int
    package var urgentNew: Int
    package var urgentOld: Int

    package init(new: Int = 0, old: Int = 0, urgentNew: Int = 0, urgentOld: Int = 0) {
        self.new = max(0, new)
        self.old = max(0, old)
        self.urgentNew = max(0, urgentNew)
        self.urgentOld = max(0, urgentOld)
    }

    /// `application/simple-message-summary` (RFC 3842 section 5.2). `account` is a URI of ours.
    func bytes(account: String) -> [UInt8] {
        let waiting = new > 0 ? "yes" : "no"
        let counts = "\(new)/\(old) (\(urgentNew)/\(urgentOld))"
        return Array("Messages-Waiting: \(waiting)\r\nMessage-Account: \(account)\r\nVoice-Message: \(counts)\r\n".utf8)
    }
}
