package import Media

extension MediaEngine: MediaBackend {
    package var troubles: [MediaTrouble] {
        let counters = self.counters
        return [
            MediaTrouble("media.socket-errors", counters.socketErrors), MediaTrouble("media.unsent", counters.unsent),
            MediaTrouble("media.refused-commands", counters.refusedCommands),
        ]
    }
}
