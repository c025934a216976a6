package import Media

/// The sounds of a directory, by their names without the .wav: prompts, music on hold.
///
/// They are read once and stay in memory, because audio threads do not wait for a disk.
package struct ClipLibrary: Sendable {
    /// A file that could not be used; the others are there.
    package struct Refusal: Hashable, Sendable {
        package let file: String
        package let reason: SoundFileError
    }

    /// Sorted by name.
    package private(set) var clips: [AudioClip] = []
    /// Files that are no sounds, or of which there are too many, sorted by name: to be told to the operator.
    package private(set) var refusals: [Refusal] = []
    private var places: [String: Int] = [:]

    /// Without any.
    package init() {}

    /// Reads all of DIRECTORY's files that end in .wav; others are not looked at, nor what begins with a dot.
    ///
    /// Throws when the directory itself cannot be read.
    package init(directory: String, limits: SoundLimits = SoundLimits()) throws(SoundFileError) {
        var bytes = 0
        for file in try SoundDirectory.names(directory) {
            guard file.hasSuffix(SoundFileName.suffix), !file.hasPrefix(".") else { continue }
            let path = "\(directory)/\(file)"
            do throws(SoundFileError) {
                guard clips.count < limits.clips else { throw .tooManyClips(path: path, limit: limits.clips) }
                let clip = try Self.read(path, limits: limits)
                let size = clip.samples.count * 2
                guard bytes + size <= limits.clipLibraryBytes else {
                    throw .tooMuchMemory(path: path, limitBytes: limits.clipLibraryBytes)
                }
                bytes += size
                places[clip.name] = clips.count
                clips.append(clip)
            } catch {
                refusals.append(Refusal(file: file, reason: error))
            }
        }
    }

    /// The clip of that name; nil: there is none.
    package subscript(name: String) -> AudioClip? { places[name].map { clips[$0] } }

    /// One file as a clip, named by the file without its .wav.
    package static func read(_ path: String, limits: SoundLimits = SoundLimits()) throws(SoundFileError) -> AudioClip {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let name = file.hasSuffix(SoundFileName.suffix) ? String(file.dropLast(SoundFileName.suffix.count)) : file
        guard SoundFileName.isValid(name) else { throw .invalidName(name) }
        let bytes = try SoundFileHandle.contents(of: path, limit: limits.clipFileBytes)
        do { return try WAVReader.read(bytes, limits: limits).clip(name: name) } catch {
            throw .wav(path: path, error)
        }
    }
}
