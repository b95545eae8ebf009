import API
import Glibc
import Logging
import Store

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
        let time = WallClock.text(ofSeconds: Glibc.time(nil))
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
            if case .string(let text) = member.value { return " \(member.name)=\(value(text))" }
            return " \(member.name)=\(member.value.text)"
        }
        return Array("\(time) \(level) \(escaped(message))\(rest.joined())\n".utf8)
    }

    /// A member's value: nothing that a client sent may look like another member.
    private static func value(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy {
            !steers($0) && !$0.properties.isWhitespace && $0 != "=" && $0 != "\"" && $0 != "\\"
        }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    /// Nothing that a client sent may start a new line or steer a terminal.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.contains(where: steers) ? quoted(text) : text
    }

    /// A string of JSON without anything that steers.
    private static func quoted(_ text: String) -> String {
        var quoted = ""
        for scalar in JSONValue.string(text).text.unicodeScalars {
            guard steers(scalar) else {
                quoted.unicodeScalars.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
        return quoted
    }

    /// Whether it starts a line, steers a terminal, or makes text look as if it were in another order.
    private static func steers(_ scalar: Unicode.Scalar) -> Bool {
        guard !(0x20..<0x7F).contains(scalar.value) else { return false }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }
}
