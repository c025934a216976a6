/// How the media workers stand.
package struct MediaLoad: Hashable, Sendable {
    package var workers = 0
    package var sessions = 0
    /// Processor time a second that media may take.
    package var capacity = Duration.zero
    /// What the open sessions are taken to need of it.
    package var charged = Duration.zero
    /// A worker does not keep up: no session is let in.
    package var isHeldUp = false

    package init() {}
}
