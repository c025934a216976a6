/// The two privacy policies that the contract comes from.
package enum Policy: String, Hashable, Sendable, CaseIterable {
    /// Of the softphone.
    case softphone = "SP"
    /// Of the Control Center.
    case controlCenter = "CC"
}

/// A heading of a policy. The spelling is that of the English text; the German one has the same headings, paragraphs and
/// sentences in the same order, but for SP, Usage: its first sentence is two in English.
package enum Heading: String, Hashable, Sendable, CaseIterable {
    // SP
    case usage = "Usage"
    case softwareUpdates = "Software updates"
    case provisioning = "Provisioning"
    case proxyServer = "proxy server"
    case pushNotificationService = "Push Notification Service"
    case crashReport = "Crash report"
    // CC
    case use = "Use"
    case monitoring = "Use of the Monitoring"
    case callData = "Use of the call data"
    case remoteBackup = "Using the Remote Backup"
    case remoteConfiguration = "Remote configuration"
    // Both
    case serverLocations = "Server locations"
}

extension Heading {
    /// The heading of the German text.
    package var german: String {
        switch self {
        case .usage, .use: "Verwendung"
        case .softwareUpdates: "Software-Updates"
        case .provisioning: "Provisioning"
        case .proxyServer: "Proxy-Server"
        case .pushNotificationService: "Push Notification Service"
        case .crashReport: "Absturzbericht"
        case .monitoring: "Verwendung des Monitoring"
        case .callData: "Verwendung der Gesprächsdaten"
        case .remoteBackup: "Verwendung des Remote-Backup"
        case .remoteConfiguration: "Fernkonfiguration"
        case .serverLocations: "Server-Standorte"
        }
    }
}

/// The place of a sentence in a policy: not its words.
package struct Clause: Hashable, Sendable {
    package let policy: Policy
    package let heading: Heading
    /// From 1, within the heading. A list counts to the paragraph that introduces it.
    package let paragraph: Int
    /// From 1, within the paragraph.
    package let sentence: Int

    package init(_ policy: Policy, _ heading: Heading, _ paragraph: Int, _ sentence: Int) {
        self.policy = policy
        self.heading = heading
        self.paragraph = paragraph
        self.sentence = sentence
    }

    /// A sentence of the softphone's policy.
    package static func sp(_ heading: Heading, _ paragraph: Int, _ sentence: Int) -> Self {
        Self(.softphone, heading, paragraph, sentence)
    }

    /// A sentence of the Control Center's policy.
    package static func cc(_ heading: Heading, _ paragraph: Int, _ sentence: Int) -> Self {
        Self(.controlCenter, heading, paragraph, sentence)
    }
}

extension Clause: CustomStringConvertible {
    /// `CC, Use, paragraph 3, sentence 4`.
    package var description: String {
        "\(policy.rawValue), \(heading.rawValue), paragraph \(paragraph), sentence \(sentence)"
    }

    /// As `description`, in that language.
    package func text(in language: Language) -> String {
        guard language == .german else { return description }
        return "\(policy.rawValue), \(heading.german), Absatz \(paragraph), Satz \(sentence)"
    }

    /// `CC, Use §3.4`, for tables.
    package var short: String { "\(policy.rawValue), \(heading.rawValue) §\(paragraph).\(sentence)" }
}
