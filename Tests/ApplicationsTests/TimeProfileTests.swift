import Applications
import Primitives
import Settings
import Testing

/// Local time, and when somebody is there.
@Suite struct TimeProfileTests {
    private static func zone(_ minutes: Int, _ saving: TimeZoneSettings.DaylightSaving) -> TimeZoneSettings {
        var zone = TimeZoneSettings()
        zone.offsetMinutes = minutes
        zone.daylightSaving = saving
        return zone
    }

    struct Moment: Sendable {
        let seconds: Int64
        let zone: TimeZoneSettings
        let date: [Int]
        let weekday: Int
        let minutes: Int
    }

    @Test(arguments: [
        Moment(seconds: 0, zone: zone(0, .none), date: [1970, 1, 1], weekday: 4, minutes: 0),
        Moment(seconds: -1, zone: zone(0, .none), date: [1969, 12, 31], weekday: 3, minutes: 1_439),
        Moment(seconds: 951_782_400, zone: zone(0, .none), date: [2000, 2, 29], weekday: 2, minutes: 0),
        // Berlin, a second before the clocks go forward, and then.
        Moment(seconds: 1_774_745_999, zone: zone(60, .europe), date: [2026, 3, 29], weekday: 7, minutes: 119),
        Moment(seconds: 1_774_746_000, zone: zone(60, .europe), date: [2026, 3, 29], weekday: 7, minutes: 180),
        // And back.
        Moment(seconds: 1_792_889_999, zone: zone(60, .europe), date: [2026, 10, 25], weekday: 7, minutes: 179),
        Moment(seconds: 1_792_890_000, zone: zone(60, .europe), date: [2026, 10, 25], weekday: 7, minutes: 120),
        // New York.
        Moment(seconds: 1_772_953_199, zone: zone(-300, .northAmerica), date: [2026, 3, 8], weekday: 7, minutes: 119),
        Moment(seconds: 1_772_953_200, zone: zone(-300, .northAmerica), date: [2026, 3, 8], weekday: 7, minutes: 180),
        Moment(seconds: 1_793_512_799, zone: zone(-300, .northAmerica), date: [2026, 11, 1], weekday: 7, minutes: 119),
        Moment(seconds: 1_793_512_800, zone: zone(-300, .northAmerica), date: [2026, 11, 1], weekday: 7, minutes: 60),
    ])
    func `a moment is read off the wall`(moment: Moment) {
        let time = CivilTime(UnixTime(seconds: moment.seconds), in: moment.zone)
        #expect([time.year, time.month, time.day] == moment.date)
        #expect(time.weekday == moment.weekday && time.minutes == moment.minutes)
    }

    private static var office: TimeProfileSettings {
        var office = TimeProfileSettings(name: "office")
        office.hours = [.init(days: [1, 2, 3, 4, 5], from: 480, to: 1_020)]
        office.holidays = [.init(month: 12, day: 25), .init(year: 2026, month: 4, day: 6)]
        office.exceptions = [.init(day: .init(year: 2026, month: 4, day: 6), from: 600, to: 660)]
        return office
    }

    @Test(arguments: [
        // Monday 2026-03-02 08:00 and a minute before, 17:00, a Saturday, Christmas, the exception on a holiday.
        (Int64(1_772_438_400), true), (1_772_438_399, false), (1_772_470_800, false), (1_772_870_400, false),
        (1_798_192_800, false), (1_775_469_600, true), (1_775_473_200, false),
    ])
    func `an exception wins over a holiday, a holiday over the week`(seconds: Int64, isOpen: Bool) {
        let time = CivilTime(UnixTime(seconds: seconds), in: TimeZoneSettings())
        #expect(Self.office.isOpen(at: time) == isOpen)
    }

    @Test func `hours that end before they begin are none`() {
        var office = TimeProfileSettings(name: "office")
        office.hours = [.init(days: [1, 2, 3, 4, 5, 6, 7], from: 600, to: 500)]
        #expect(!office.isOpen(at: CivilTime(UnixTime(seconds: 36_600), in: TimeZoneSettings())))
    }
}
