import ApplianceCore
import MediaEngine

extension ApplianceStatus {
    /// What the media engine says of itself; of its counters those that count something.
    mutating func add(_ engine: MediaEngineCounters) {
        media.workers = engine.workers
        media.sessions = engine.sessions
        media.capacity = engine.capacity
        media.charged = engine.charged
        media.isHeldUp = engine.isHeldUp
        for (name, value) in [
            ("media.engine.dropped-by-kernel", engine.droppedByKernel), ("media.engine.late-turns", engine.lateTurns),
            ("media.engine.refused-commands", engine.refusedCommands),
            ("media.engine.refused-held-up", engine.refusedHeldUp),
            ("media.engine.refused-over-budget", engine.refusedOverBudget),
            ("media.engine.socket-errors", engine.socketErrors), ("media.engine.unsent", engine.unsent),
        ] where value > 0 {
            counters.append(Counter(name, value))
        }
    }
}
