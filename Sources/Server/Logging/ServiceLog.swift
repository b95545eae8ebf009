import API
import Glibc
import Logging

/// What the service tells its operator: events through swift-log, and a line for each request.
final class ServiceLog: Sendable {
    private let logger: Logger
    private let sink: LineSink
    private let format: Settings.LogFormat
    private let accessLog: Settings.AccessLog

    init(settings: Settings, sink: LineSink) {
        self.sink = sink
        format = settings.logFormat
        accessLog = settings.accessLog
        logger = Logger(label: "tidemark") { [format] _ in
            LineLogHandler(sink: sink, format: format)
        }
    }

    func info(_ text: String) { logger.info("\(text)") }
    func warning(_ text: String) { logger.warning("\(text)") }
    func error(_ text: String) { logger.error("\(text)") }

    /// Whether requests that were answered with this have a line.
    func tells(ofStatus status: Int) -> Bool {
        accessLog == .all || (accessLog == .failed && status >= 400)
    }

    /// The line of one request.
    func access(_ observation: Observation) {
        var members: [JSONValue.Member] = [
            .init(name: "method", value: .string(observation.method)),
            .init(name: "path", value: .string(String(observation.target.prefix(512)))),
            .init(name: "status", value: .integer(observation.status)),
        ]
        if let problem = observation.problem {
            members.append(.init(name: "code", value: .string(problem.rawValue)))
        }
        members += [
            .init(name: "micros", value: .integer(observation.nanoseconds / 1000)),
            .init(name: "body_bytes", value: .integer(observation.bodyBytes)),
            .init(name: "request_id", value: .string(observation.requestID)),
        ]
        if let trace = observation.trace {
            members.append(.init(name: "trace_id", value: .string(trace.traceID)))
            members.append(.init(name: "parent_id", value: .string(trace.parentID)))
        }
        sink.write(LogLine.bytes("request", level: "info", members, format))
    }
}

/// Hands swift-log's messages to the sink.
private struct LineLogHandler: LogHandler {
    let sink: LineSink
    let format: Settings.LogFormat
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        sink.write(
            LogLine.bytes(event.message.description, level: event.level.rawValue, [], format))
    }
}

/// The form of a line: JSON, or text with the same members.
enum LogLine {
    static func bytes(
        _ message: String, level: String, _ members: [JSONValue.Member],
        _ format: Settings.LogFormat
    ) -> [UInt8] {
        let time = Timestamp.text(ofUnixSeconds: Glibc.time(nil))
        guard format == .text else {
            return JSONValue.object(
                [
                    .init(name: "time", value: .string(time)),
                    .init(name: "level", value: .string(level)),
                    .init(name: "message", value: .string(message)),
                ] + members
            ).line
        }
        let rest = members.map { member in
            if case .string(let text) = member.value { return " \(member.name)=\(escaped(text))" }
            return " \(member.name)=\(member.value.text)"
        }
        return Array("\(time) \(level) \(escaped(message))\(rest.joined())\n".utf8)
    }

    /// Nothing that a client sent may start a new line or steer a terminal.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            ? text : JSONValue.string(text).text
    }
}

/// RFC 3339 in UTC.
enum Timestamp {
    /// RFC 3339 has years of four digits: what lies before 1970 or after 9999 is shown as their ends.
    static func text(ofUnixSeconds seconds: Int) -> String {
        let seconds = min(max(seconds, 0), 253_402_300_799)
        let (day, second) = seconds.quotientAndRemainder(dividingBy: 86_400)
        let date = date(ofDay: day)
        return String(unsafeUninitializedCapacity: 20) { buffer in
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
            put(second % 60, digits: 2, then: "Z")
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
