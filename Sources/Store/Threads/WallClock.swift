import Glibc

/// The time of day, in UTC.
package enum WallClock {
    /// Milliseconds since 1970.
    package static var nowMilliseconds: Int {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    /// The moment as RFC 3339 has it, from seconds since 1970.
    package static func text(ofSeconds seconds: Int) -> String {
        text(ofSeconds: min(max(seconds, 0), lastSecond), milliseconds: nil)
    }

    /// The moment as RFC 3339 has it, with milliseconds.
    package static func text(ofMilliseconds milliseconds: Int) -> String {
        let milliseconds = min(max(milliseconds, 0), lastSecond * 1000 + 999)
        return text(ofSeconds: milliseconds / 1000, milliseconds: milliseconds % 1000)
    }

    /// RFC 3339 has years of four digits: what lies before 1970 or after 9999 is shown as their ends.
    private static let lastSecond = 253_402_300_799

    private static func text(ofSeconds seconds: Int, milliseconds: Int?) -> String {
        let (day, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = date(ofDay: day)
        return String(unsafeUninitializedCapacity: 24) { buffer in
            var place = 0
            func put(_ number: Int, digits: Int, then mark: Unicode.Scalar) {
                var rest = number
                for index in (place..<place + digits).reversed() {
                    buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
                buffer[place + digits] = UInt8(ascii: mark)
                place += digits + 1
            }
            put(date.year, digits: 4, then: "-")
            put(date.month, digits: 2, then: "-")
            put(date.day, digits: 2, then: "T")
            put(second / 3600, digits: 2, then: ":")
            put(second / 60 % 60, digits: 2, then: ":")
            put(second % 60, digits: 2, then: milliseconds == nil ? "Z" : ".")
            if let milliseconds { put(milliseconds, digits: 3, then: "Z") }
            return place
        }
    }

    /// The date of a day, counted from 1970, in years that begin in March: February ends them.
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (day + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = era * 400 + yearOfEra + (month < 10 ? 0 : 1)
        return (year, month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}
