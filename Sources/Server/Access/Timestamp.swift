/// Times as RFC 3339 has them, read.
enum Timestamp {
    /// Milliseconds since 1970, 0 for what lies before; nil for what is no time.
    static func milliseconds(_ text: String) -> Int? {
        var rest = Substring(text)
        guard let year = number(&rest, 4), skip(&rest, "-"),
            let month = number(&rest, 2), (1...12).contains(month), skip(&rest, "-"),
            let day = number(&rest, 2), (1...days(in: month, of: year)).contains(day),
            skip(&rest, "Tt "), let hour = number(&rest, 2), hour < 24, skip(&rest, ":"),
            let minute = number(&rest, 2), minute < 60, skip(&rest, ":"),
            let second = number(&rest, 2), second <= 60,
            let fraction = milliseconds(&rest), let offset = offset(rest)
        else { return nil }
        let seconds =
            dayNumber(year, month, day) * 86_400 + hour * 3600 + minute * 60 + min(second, 59)
        return max(0, (seconds - offset * 60) * 1000 + fraction)
    }

    private static func number(_ rest: inout Substring, _ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        rest = rest.dropFirst(count)
        return Int(digits)
    }

    private static func skip(_ rest: inout Substring, _ marks: String) -> Bool {
        guard let mark = rest.first, marks.contains(mark) else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func milliseconds(_ rest: inout Substring) -> Int? {
        guard skip(&rest, ".") else { return 0 }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        guard !digits.isEmpty else { return nil }
        return Int((digits + "00").prefix(3))
    }

    /// Minutes by which local time is ahead.
    private static func offset(_ text: Substring) -> Int? {
        if text == "Z" || text == "z" { return 0 }
        var rest = text.dropFirst()
        guard let sign = text.first, "+-".contains(sign), let hours = number(&rest, 2), hours < 24,
            skip(&rest, ":"), let minutes = number(&rest, 2), minutes < 60, rest.isEmpty
        else { return nil }
        return (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
    }

    private static func days(in month: Int, of year: Int) -> Int {
        let isLeap = year.isMultiple(of: 4) && !year.isMultiple(of: 100) || year.isMultiple(of: 400)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Counted from 1970, in years that begin in March: February ends them.
    private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }
}
