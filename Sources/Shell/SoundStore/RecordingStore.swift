package import Media

/// The recordings that are under way, each with its file: what a recorder's blocks are handed to.
///
/// Its calls wait for the disk; it is used from one thread, or one serial queue, that does nothing else.
package final class RecordingStore {
    /// What became of a recording, told once.
    package enum Outcome: Hashable, Sendable {
        case finished(RecordingFile.Summary)
        /// No block ever came: there is no file.
        case empty
        /// It ended early, or never began; what was written before stays, and plays.
        case failed(SoundFileError, RecordingFile.Summary?)
    }
    private enum Entry {
        /// Until the first block tells rate and channels there is no file.
        case named(String)
        case writing(RecordingFile)
        /// Told already; what still comes is let go.
        case failed
    }

    private let directory: String
    private let limits: SoundLimits
    private let policy: RecordingFile.Policy
    private var entries: [RecordingID: Entry] = [:]

    package init(
        directory: String, limits: SoundLimits = SoundLimits(), policy: RecordingFile.Policy = RecordingFile.Policy()
    ) {
        self.directory = directory
        self.limits = limits
        self.policy = policy
    }

    /// How many are under way.
    package var count: Int { entries.count }

    /// Names the file of a recording, without directory and .wav, before its first block. Throws for an invalid name and
    /// when `SoundLimits.recordings` are under way.
    package func begin(_ id: RecordingID, name: String) throws(SoundFileError) {
        guard SoundFileName.isValid(name) else { throw .invalidName(name) }
        guard entries.count < limits.recordings else {
            throw .tooManyRecordings(path: "\(directory)/\(name)\(SoundFileName.suffix)", limit: limits.recordings)
        }
        entries[id] = .named(name)
    }

    /// Writes a block down; what is returned is the end of the recording. Blocks of a recording that is not known, or has
    /// failed, are let go.
    package func take(_ block: RecordingBlock, of id: RecordingID) -> Outcome? {
        var begun: RecordingFile?
        do throws(SoundFileError) {
            switch entries[id] {
            case .named(let name):
                let file = try RecordingFile(
                    directory: directory, name: name, rate: block.rate, channels: block.channels, limits: limits,
                    policy: policy)
                begun = file
                entries[id] = .writing(file)
                try file.append(block)
            case .writing(let file):
                begun = file
                try file.append(block)
            case .failed, nil: break
            }
            return nil
        } catch {
            entries[id] = .failed
            return .failed(error, try? begun?.finish())
        }
    }

    /// Ends a recording whose last block has been taken; nil for one that is not known, or has told its end before.
    package func end(_ id: RecordingID) -> Outcome? {
        switch entries.removeValue(forKey: id) {
        case .writing(let file):
            do throws(SoundFileError) { return .finished(try file.finish()) } catch { return .failed(error, nil) }
        case .named: return .empty
        case .failed, nil: return nil
        }
    }

    /// Ends all, at shutdown.
    package func endAll() -> [(RecordingID, Outcome)] {
        entries.keys.sorted().compactMap { id in end(id).map { (id, $0) } }
    }
}
