/// Ada, Bob and Cleo: three telephones at one switchboard, each with a number of its own.
struct Trio {
    let world = Switchboard()
    let ada: TestPhone
    let bob: TestPhone
    let cleo: TestPhone

    init() {
        ada = world.phone("100", port: 40_000)
        bob = world.phone("101", port: 40_100)
        cleo = world.phone("102", port: 40_200)
    }
}

/// A suite whose calls run between the three: its tests name them as their own.
protocol AmongThree {
    var trio: Trio { get }
}

extension AmongThree {
    var world: Switchboard { trio.world }
    var ada: TestPhone { trio.ada }
    var bob: TestPhone { trio.bob }
    var cleo: TestPhone { trio.cleo }
}
