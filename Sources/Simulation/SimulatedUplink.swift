/// The state of the appliance's one outbound connection to the relay.
struct SimulatedUplink {
    var isWanted = false
    var isUp = false
    private var attempts = 0

    /// A new dialling attempt; earlier ones that have not fired yet are void.
    mutating func nextAttempt() -> Int {
        attempts += 1
        return attempts
    }

    func isCurrent(_ attempt: Int) -> Bool { attempt == attempts }

    /// The power is off: nothing is wanted until the next boot asks for it.
    mutating func lose() {
        isUp = false
        isWanted = false
        attempts += 1
    }
}
