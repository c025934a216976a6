import ApplianceCore
import Media

extension ApplianceStatus {
    /// What carries media says of itself; of its counters those that count something.
    mutating func add(_ backend: any MediaBackend) {
        if let load = backend.load { media = load }
        for trouble in backend.troubles where trouble.count > 0 {
            counters.append(Counter(trouble.name, trouble.count))
        }
    }
}
