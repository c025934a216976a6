package import Primitives
package import Settings

/// A moment as a calendar and a clock on the wall show it.
package struct CivilTime: Hashable, Sendable {
    package var year: Int
    package var month: Int
    package var day: Int
    /// 1: Monday … 7: Sunday.
    package var weekday: Int
    /// Since midnight.
    package var minutes: Int

    package init(_ time: UnixTime, in zone: TimeZoneSettings) {
        let standard = Int(time.seconds) + zone.offsetMinutes * 60
        self.init(secondsSinceEpoch: standard + (Self.isSummer(time, zone) ? 3_600 : 0))
    }

    private init(secondsSinceEpoch seconds: Int) {
        let days = Self.quotient(seconds, 86_400)
        minutes = (seconds - days * 86_400) / 60
        weekday = (days + 3) - Self.quotient(days + 3, 7) * 7 + 1  // 1970-01-01 was a Thursday
        (year, month, day) = Self.date(ofDay: days)
    }

    private static func isSummer(_ time: UnixTime, _ zone: TimeZoneSettings) -> Bool {
        let seconds = Int(time.seconds)
        let year = Self(secondsSinceEpoch: seconds + zone.offsetMinutes * 60).year
        let begin: Int
        let end: Int
        switch zone.daylightSaving {
        case .none: return false
        case .europe:
            begin = sunday(of: 3, year, nth: nil) * 86_400 + 3_600
            end = sunday(of: 10, year, nth: nil) * 86_400 + 3_600
        case .northAmerica:  // two o'clock local time, which in November is summer time
            begin = sunday(of: 3, year, nth: 2) * 86_400 + 7_200 - zone.offsetMinutes * 60
            end = sunday(of: 11, year, nth: 1) * 86_400 + 3_600 - zone.offsetMinutes * 60
        }
        return (begin..<end).contains(seconds)
    }

    /// The day number of a month's nth Sunday; nil: its last one.
    private static func sunday(of month: Int, _ year: Int, nth: Int?) -> Int {
        let first = dayNumber(year, month, 1)
        let firstSunday = first + (6 - (first + 3 - quotient(first + 3, 7) * 7))
        if let nth { return firstSunday + 7 * (nth - 1) }
        let next = month == 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + 1, 1)
        return firstSunday + (next - 1 - firstSunday) / 7 * 7
    }

    /// Days since 1970-01-01 in the Gregorian calendar, by counting years from March on.
    static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let era = quotient(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(ofDay day: Int) -> (Int, Int, Int) {
        let shifted = day + 719_468
        let era = quotient(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Rounded down.
    private static func quotient(_ value: Int, _ divisor: Int) -> Int {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
    }
}

extension TimeProfileSettings {
    /// True while somebody is there. The night switch is the caller's to look at.
    package func isOpen(at time: CivilTime) -> Bool {
        if let exception = exceptions.first(where: { $0.day.matches(time) }) {
            return (exception.from..<max(exception.from, exception.to)).contains(time.minutes)
        }
        guard !holidays.contains(where: { $0.matches(time) }) else { return false }
        return hours.contains {
            $0.days.contains(time.weekday) && ($0.from..<max($0.from, $0.to)).contains(time.minutes)
        }
    }
}

extension TimeProfileSettings.Day {
    fileprivate func matches(_ time: CivilTime) -> Bool {
        (year == nil || year == time.year) && month == time.month && day == time.day
    }
}
