package import Media

extension MediaEngine: MediaBackend {
    package var load: MediaLoad? {
        let counters = self.counters
        var load = MediaLoad()
        load.workers = counters.workers
        load.sessions = counters.sessions
        load.capacity = counters.capacity
        load.charged = counters.charged
        load.isHeldUp = counters.isHeldUp
        return load
    }

    package var troubles: [MediaTrouble] {
        let counters = self.counters
        return [
            MediaTrouble("media.engine.dropped-by-kernel", counters.droppedByKernel),
            MediaTrouble("media.engine.late-turns", counters.lateTurns),
            MediaTrouble("media.engine.refused-commands", counters.refusedCommands),
            MediaTrouble("media.engine.refused-held-up", counters.refusedHeldUp),
            MediaTrouble("media.engine.refused-over-budget", counters.refusedOverBudget),
            MediaTrouble("media.engine.socket-errors", counters.socketErrors),
            MediaTrouble("media.engine.unsent", counters.unsent),
        ]
    }
}
