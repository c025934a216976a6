import ApplianceCore
import CloudMessages
import Persistence
import Primitives
import Settings
import Testing

@Suite struct RetentionTests {
    private func world(days: Int, hidden: Int = 0) -> World {
        var world = World(switches: [])
        world.run()
        var settings = ApplianceSettings()
        settings.records.retentionDays = days
        settings.records.hiddenDigits = hidden
        world.services.adopt(settings)
        world.advance(.seconds(1))
        return world
    }

    @Test(arguments: [90, 7, 1])
    func `records go after the owner's days`(days: Int) {
        var world = world(days: days)
        world.callEnded()
        world.advance(.seconds(Int64(days) * 86_400 - 100))
        #expect(world.histories.callRecords.count == 1)
        world.advance(.seconds(2 * 86_400))
        #expect(world.histories.callRecords.isEmpty)
    }

    @Test func `ninety days unless the owner says otherwise`() {
        #expect(ApplianceSettings().records.retentionDays == 90)
    }

    @Test func `with 0 days nothing is written, and what was written goes at once`() {
        var world = world(days: 90)
        world.callEnded(3)
        #expect(world.histories.callRecords.count == 3)
        var settings = ApplianceSettings()
        settings.records.retentionDays = 0
        world.services.adopt(settings)
        world.advance(.seconds(1))
        #expect(world.histories.callRecords.isEmpty)
        world.callEnded()
        #expect(world.histories.callRecords.isEmpty)
    }

    @Test func `digits that are to be hidden are never written`() {
        var world = world(days: 90, hidden: 3)
        world.callEnded(number: "+493012345678")
        #expect(world.histories.callRecords.first?.externalPhoneNumber == "+493012345xxx")
    }
}
