import FoundationEssentials
import Glibc
import Primitives

/// What keeps a live stage from its work.
struct LiveFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// A started `pbxd`: its output goes to files in its directory, it is ended by its own process number.
final class ApplianceProcess {
    let pid: pid_t
    private let directory: String
    /// Once it has ended: its exit status, or minus the signal.
    private(set) var status: Int32?
    private var knownListener: Endpoint?

    /// Makes the directory (owner only), writes the configuration there, and starts the program.
    init(program: String, directory: String, configuration: String) throws(LiveFailure) {
        self.directory = directory
        let file = "\(directory)/pbx.yaml"
        guard mkdir(directory, 0o700) == 0, mkdir("\(directory)/data", 0o700) == 0 else {
            throw LiveFailure("cannot make \(directory)")
        }
        guard FileManager.default.createFile(atPath: file, contents: Data(configuration.utf8)) else {
            throw LiveFailure("cannot write \(file)")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(directory)/out", O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(directory)/log", O_WRONLY | O_CREAT, 0o600)
        let words = [program, "run", "--config", file, "--data", "\(directory)/data"]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, program, &actions, nil, &arguments, environ)
        guard result == 0 else { throw LiveFailure("cannot start \(program): \(String(cString: strerror(result)))") }
        self.pid = pid
        Children.add(pid)
    }

    deinit { if isRunning { kill() } }

    var isRunning: Bool {
        guard status == nil else { return false }
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return true }
        note(raw)
        return false
    }

    /// Where it takes SIP over UDP, once it has said so.
    var listener: Endpoint? {
        if knownListener == nil { knownListener = readListener() }
        return knownListener
    }

    func terminate() { Glibc.kill(pid, SIGTERM) }

    /// At once, and until it is gone.
    func kill() {
        guard isRunning else { return }
        Glibc.kill(pid, SIGKILL)
        var raw: Int32 = 0
        if waitpid(pid, &raw, 0) == pid { note(raw) }
    }

    private func note(_ raw: Int32) {
        Children.remove(pid)
        let signal = raw & 0x7F
        status = signal == 0 ? (raw >> 8) & 0xFF : -signal
    }

    private struct Ready: Decodable {
        var event: String
        var listeners: [String: String]
    }

    private func readListener() -> Endpoint? {
        guard let data = FileManager.default.contents(atPath: "\(directory)/out"),
            let end = data.firstIndex(of: UInt8(ascii: "\n")),
            let ready = try? JSONDecoder().decode(Ready.self, from: data[..<end]), ready.event == "ready"
        else { return nil }
        return ready.listeners["sip-udp"].flatMap { Endpoint($0) }
    }

    static func tail(of directory: String, lines: Int) -> [String] {
        guard let data = FileManager.default.contents(atPath: "\(directory)/log") else { return [] }
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map(String.init)
    }
}
