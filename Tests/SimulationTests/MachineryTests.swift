import ApplianceCore
import Persistence
import Primitives
import PrivacyContract
import Settings
import Testing

@testable import Simulation

@Suite struct EventQueueTests {
    @Test(arguments: 1...5)
    func `events come in the order of their time, and of their scheduling within one instant`(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var queue = EventQueue()
        var expected: [(at: Int64, number: Int)] = []
        let log = Log()
        for number in 0..<500 {
            let at = Int64(chance.next() % 50)
            expected.append((at, number))
            queue.schedule(at: Instant(nanoseconds: at)) { log.numbers.append(number) }
        }
        expected.sort { ($0.at, $0.number) < ($1.at, $1.number) }
        var last = Instant.origin
        while let event = queue.popFirst() {
            #expect(event.at >= last)
            last = event.at
            event.action()
        }
        #expect(log.numbers == expected.map(\.number))
        #expect(queue.isEmpty && queue.nextInstant == nil)
    }

    private final class Log {
        var numbers: [Int] = []
    }
}

@Suite struct NetworkConditionsTests {
    @Test func `a perfect network delivers everything once and in order`() {
        var entropy = Entropy(SeededGenerator(seed: 1))
        for _ in 0..<100 {
            #expect(NetworkConditions.perfect.arrivals(&entropy) == [.milliseconds(1)])
        }
    }

    @Test(arguments: [(UInt64(0), UInt64(0)), (50, 0), (0, 20), (30, 10)])
    func `loss and duplicates come as often as ordered`(loss: UInt64, duplicates: UInt64) {
        let conditions = NetworkConditions(
            lossPerMille: loss, duplicatePerMille: duplicates, delay: .milliseconds(5), jitter: .milliseconds(3))
        var entropy = Entropy(SeededGenerator(seed: 7))
        let all = (0..<20_000).map { _ in conditions.arrivals(&entropy) }
        let lost = all.count { $0.isEmpty }
        let twice = all.count { $0.count == 2 }
        #expect(abs(lost - Int(loss) * 20) <= 20 + Int(loss) * 2)
        #expect(abs(twice - Int(duplicates) * 20) <= 20 + Int(duplicates) * 2)
        #expect(all.allSatisfy { ($0.first ?? .milliseconds(5)) >= .milliseconds(5) })
        #expect(all.allSatisfy { ($0.first ?? .zero) < .milliseconds(8) })
        #expect(Set(all.compactMap(\.first)).count > 1_000, "packets overtake each other")
    }

    @Test func `what a seed draws stays within 5 % loss and 2 % duplicates`() {
        for seed in 1...500 as ClosedRange<UInt64> {
            var entropy = Entropy(SeededGenerator(seed: seed))
            let conditions = NetworkConditions(drawnFrom: &entropy)
            #expect(conditions.lossPerMille < 50 && conditions.duplicatePerMille < 20)
            #expect(conditions.delay < .milliseconds(25) && conditions.jitter < .milliseconds(10))
        }
    }
}

@Suite struct SimulatedDiskTests {
    @Test func `a full disk takes nothing of a transaction`() {
        var disk = SimulatedDisk(entropy: Entropy(SeededGenerator(seed: 1)))
        disk.isFull = true
        #expect(disk.commit([.setSwitch(.backup, true), .erasePairing]) == .failed(.diskFull))
        #expect(disk.snapshot == StoreSnapshot())
        disk.isFull = false
        #expect(disk.commit([.setSwitch(.backup, true)]) == .committed)
        #expect(disk.snapshot.switches[.backup] == true)
    }

    @Test func `transactions end in the order in which they were asked for`() {
        var disk = SimulatedDisk(entropy: Entropy(SeededGenerator(seed: 1)))
        var last = Instant.origin
        for _ in 0..<100 {
            let finish = disk.finishTime(at: .origin)
            #expect(finish > last)
            last = finish
        }
    }

    @Test func `settings come back from their text as they were`() {
        var settings = ApplianceSettings()
        settings.edition = .flex
        settings.sip.realm = "office.example"
        settings.sip.protectionEnabled = false
        settings.media.address = .v4(0xC000_020A)
        settings.features.echo = "600"
        settings.users = World.users
        settings.groups = [GroupSettings(extension: "610", name: "Sales", strategy: .all, members: ["100", "101"])]
        settings.cloud.relay = "relay.vendor.example:7443"
        settings.cloud.monitoringInterval = .milliseconds(2_500)
        #expect(ConfigurationText.read(ConfigurationText.write(settings)) == settings)
        #expect(ConfigurationText.read("unknown\tline\n") == nil)
    }
}

@Suite struct PowerTests {
    @Test func `what was not committed when the power went is gone, and nothing arrives without power`() throws {
        let world = World(seed: 1, scenario: "power", trace: Trace())
        world.bootAppliance()
        world.appliance.adminUnattended(.setSwitch(.relay, true))
        world.appliance.cutPower()
        world.appliance.input(.deadline)
        world.advance(.seconds(1))
        #expect(world.appliance.disk.snapshot.switches[.relay] != true)
        world.appliance.powerOn()
        try world.turn(.relay, on: true)
        world.appliance.cutPower()
        world.appliance.powerOn()
        world.advance(.seconds(1))
        #expect(world.appliance.uplink.isUp, "what was committed counts after the restart")
        #expect(world.appliance.boot == 3)
    }
}
