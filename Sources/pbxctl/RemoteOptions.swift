import ArgumentParser
import Glibc
import Vectors

/// What every command that talks to a running appliance takes.
struct RemoteOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The appliance's data directory, with its socket (default: $PBX_DATA, or ./data).", valueName: "dir"))
    var data: String?

    @Flag(help: "Print JSON: lists as an array, everything else as the appliance sends it.")
    var json = false

    var client: ApplianceClient {
        let environment = getenv("PBX_DATA").map { String(cString: $0) }
        return ApplianceClient(dataDirectory: data ?? environment.flatMap { $0.isEmpty ? nil : $0 } ?? "data")
    }

    /// Sends a request and prints its answer, as JSON or by `show`.
    func perform(
        _ method: ApplianceClient.Method, _ path: String, _ body: ApplianceClient.Body? = nil, show: (JSONValue) -> Void
    ) async throws {
        let bytes = try await client.send(method, path, body)
        if json {
            print(bytes.isEmpty ? "{}" : String(decoding: bytes, as: UTF8.self))
        } else {
            show(JSONValue.parse(bytes) ?? .object([:]))
        }
    }

    /// The entries of a list resource, which the appliance sends under `name`.
    func entries(_ path: String, _ name: String) async throws(CommandFailure) -> [JSONValue] {
        let answer = JSONValue.parse(try await client.send(.get, path))
        guard let entries = answer?.list ?? answer?[name].list else {
            throw CommandFailure(.general, "the appliance's answer holds no \(name); pbxctl and pbxd differ in version")
        }
        return entries
    }

    /// All entries of a resource that is read page by page, after `cursor`.
    func pages(
        _ path: String, _ name: String, after cursor: UInt64, cursorOf key: String...
    ) async throws(CommandFailure) -> [JSONValue] {
        var result: [JSONValue] = []
        var cursor = cursor
        while true {
            let page = try await entries("\(path)?after=\(cursor)", name).map(\.flattened)
            guard let last = page.last else { return result }
            guard let next = last.first(of: key).cursor, next > cursor else {
                throw CommandFailure(.general, "the appliance's answer has no order; pbxctl and pbxd differ in version")
            }
            result += page
            cursor = next
        }
    }

    func show(_ entries: [JSONValue], as table: ([JSONValue]) -> String) {
        print(json ? JSONValue.list(entries).line : table(entries))
    }

    /// Prints the message of an answer that has nothing else.
    static func showMessage(_ answer: JSONValue) { print(answer["message"].text ?? "done") }
}
