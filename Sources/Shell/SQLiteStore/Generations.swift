import Primitives

/// Where the databases live: `generations/<n>/appliance.sqlite`, and `current` that says which `n` is in use.
///
/// Switching is one atomic rename of `current`. Each generation keeps `last-good.sqlite` beside its database: users,
/// groups, settings and switches as of the last good moment, without pairing or keys (R8 could not be kept otherwise).
struct Generations {
    let directory: String

    static let databaseName = "appliance.sqlite"
    static let lastGoodName = "last-good.sqlite"

    /// There while erased bytes may be left in a file.
    var scrubMark: String { "\(directory)/scrub-pending" }
    func folder(_ number: Int) -> String { "\(directory)/generations/\(number)" }
    func database(_ number: Int) -> String { "\(folder(number))/\(Self.databaseName)" }
    func lastGood(_ number: Int) -> String { "\(folder(number))/\(Self.lastGoodName)" }

    /// Numbers of all generations that have a folder, ascending.
    var numbers: [Int] { DirectoryNames.list("\(directory)/generations").compactMap { Int($0) }.sorted() }

    /// What `current` names; when that is missing or unreadable, the oldest generation (a newer one was never
    /// switched to).
    func current() throws(DurableFile.Failure) -> Int {
        let bytes = try DurableFile.read("\(directory)/current", limit: 64) ?? []
        let text = String(decoding: bytes.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        if let number = Int(text), number > 0 { return number }
        return numbers.first { $0 > 0 } ?? 1
    }

    /// Makes the folder of a generation, and those above it.
    func prepare(_ number: Int) throws(DurableFile.Failure) {
        try DurableFile.makeDirectory(directory)
        try DurableFile.makeDirectory("\(directory)/generations")
        try DurableFile.makeDirectory(folder(number))
    }

    /// From the next start on, `number` is the truth. Atomic.
    func activate(_ number: Int) throws(DurableFile.Failure) {
        try DurableFile.sync(folder(number))
        try DurableFile.sync("\(directory)/generations")
        try DurableFile.replace("\(directory)/current", with: Array("\(number)\n".utf8))
    }

    /// Renames a damaged database and its journals to `….damaged-<time>`; returns the new name.
    func setAside(_ number: Int, at time: UnixTime) throws(DurableFile.Failure) -> String {
        let target = "\(database(number)).damaged-\(time.seconds)"
        for suffix in ["-wal", "-shm", ""] where DurableFile.exists(database(number) + suffix) {
            try DurableFile.rename(database(number) + suffix, to: target + suffix)
        }
        return target
    }

    /// Keeps the current generation and the one before it; spares that never came into use go too.
    func prune(around number: Int) throws(DurableFile.Failure) {
        let previous = numbers.last { $0 < number }
        for other in numbers where other != number && other != previous {
            try DurableFile.removeDirectory(folder(other))
        }
    }

    /// Removes damaged databases that were set aside, and every generation but `number`: a promised deletion reaches
    /// copies too, and outranks the wish to look at them later.
    func removeCopies(butNotOf number: Int) throws(DurableFile.Failure) {
        for other in numbers {
            if other != number {
                try DurableFile.removeDirectory(folder(other))
            } else {
                for name in DirectoryNames.list(folder(other)) where name.contains(".damaged-") {
                    try DurableFile.erase("\(folder(other))/\(name)")
                }
            }
        }
    }

    /// What a power cut left of copies that were under way: they hold passwords and nobody will look for them.
    func eraseLeftovers(of number: Int) {
        for name in DirectoryNames.list(folder(number)) {
            let isLeft = Self.temporaryNames.contains { name == $0 || name.hasPrefix($0 + "-") || name == $0 + ".new" }
            if isLeft { try? DurableFile.erase("\(folder(number))/\(name)") }
        }
    }

    static let temporaryNames = [
        "configuration.sqlite", "restore.sqlite", "call-history.sqlite", "scratch.sqlite", "\(lastGoodName).new",
        "\(lastGoodName).former",
    ]
}
