/// A story that is played on every stage with the same body.
package struct StageScenario: Sendable {
    package let name: String
    /// What it shows, in a sentence.
    package let purpose: String
    /// The features of an office that it has.
    let office: StageOffice
    let body: @Sendable (Play) throws(ScenarioFailure) -> Void

    init(
        _ name: String, _ purpose: String, _ office: StageOffice = StageOffice(),
        _ body: @escaping @Sendable (Play) throws(ScenarioFailure) -> Void
    ) {
        self.name = name
        self.purpose = purpose
        self.office = office
        self.body = body
    }

    /// In the order in which they are listed.
    package static let all: [StageScenario] = ServiceExample.allCases.map(\.scenario) + features

    /// Those of docs/FEATURES.md and docs/features/APPLICATIONS.md.
    static let features: [StageScenario] = dialling + users + inCall + groups + applications

    package static func named(_ name: String) -> StageScenario? { all.first { $0.name == name } }

    /// Plays it. `onPlay` gets the play before it begins, to tell of it if it fails.
    package func perform(on stage: any Stage, onPlay: (Play) -> Void = { _ in }) throws(ScenarioFailure) {
        let play = Play(stage)
        onPlay(play)
        var configuration = office.configuration
        if office.hasProvider {
            let provider = try play.provider(StageOffice.outsider)
            configuration.replace("$PROVIDER", with: "\(provider.endpoint)")
            try stage.raise(configuration)
            provider.plugIn()
        } else {
            try stage.raise(configuration)
        }
        try body(play)
        try play.end()
    }
}

/// The configuration of a scenario: what the administrator would write.
struct StageOffice: Sendable {
    /// Below `features:`, a line each.
    var features: [String] = []
    /// A user's own features, as they stand between braces.
    var users: [Person: String] = [:]
    /// Whole sections.
    var sections: [String] = []
    /// A static trunk, whose other side is a telephone of the play.
    var hasProvider = false
    /// How many calls the trunk carries at a time.
    var channels = 10
    var edition = "next"

    /// The number that the provider calls from.
    static let outsider = "+49891234567"

    /// YAML; `$PROVIDER` stands for the provider's address.
    var configuration: String {
        var lines = ["appliance: { edition: \(edition) }"]
        lines.append("features:")
        lines.append("  echo: \"600\"")
        lines += features.map { "  \($0)" }
        lines.append("users:")
        for person in Person.allCases {
            let own = users[person].map { ", features: { \($0) }" } ?? ""
            lines.append(
                "  - { extension: \"\(person.number)\", name: \(person.rawValue), password: \"\(person.password)\"\(own) }"
            )
        }
        if hasProvider { lines += provider }
        return (lines + sections).joined(separator: "\n") + "\n"
    }

    private var provider: [String] {
        [
            "numbering: { country_code: \"49\", area_code: \"30\" }", "trunks:",
            "  - name: telco", "    kind: static", "    server: \"$PROVIDER\"", "    transport: udp",
            "    user: office",
            "    health_interval: 0", "    channels: \(channels)", "    identity: asserted", "    number_format: e164",
            "    caller_number: \"+493012345600\"",
            "    numbers: [ { number: \"+493012345601\", extension: \"101\" } ]", "    default: \"100\"",
            "outgoing:", "  emergency: [\"112\"]", "  rules: [ { prefix: \"+\", trunks: [telco] } ]",
        ]
    }
}

extension String {
    mutating func replace(_ text: String, with other: String) {
        self = split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
    }
}
