import ArgumentParser

/// A headless SIP client of the vendor's kind.
@main
struct SoftphoneProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "softphone",
        abstract:
            "A headless SIP client: fetches its provisioning, registers, calls, answers, sends and recognises tones.",
        discussion: """
            Every event is one line on standard output (JSON with --json). Exit status: 0 when what was asked for happened, \
            1 when not, 64 for wrong usage.
            """,
        subcommands: [Provision.self, Call.self, Answer.self])
}
