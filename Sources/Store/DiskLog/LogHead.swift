/// The first item of every file that a log makes; `head` and `head_func` of disk_log:open/1.
package enum LogHead: Equatable, Sendable {
    case none
    /// An encoded term, or the bytes of an external log.
    case fixed([UInt8])
    /// What the generator makes when a file is made.
    case generated(HeadGenerator)

    /// What is known where a file is made.
    package struct Context: Sendable {
        package let log: String
        package let node: String
        /// 0 for a log of one file.
        package let fileNumber: Int
        /// Milliseconds since 1970.
        package let timeMilliseconds: Int
        /// How many heads the log has made since it was opened.
        package let sequence: Int
    }

    /// The head's bytes; nil if the file gets none.
    ///
    /// - Throws: `.invalidHeader`.
    func bytes(_ format: LogFormat, _ context: Context) throws(StoreError) -> [UInt8]? {
        switch self {
        case .none: nil
        case .fixed(let bytes): bytes
        case .generated(let generator): try generator.bytes(format, context)
        }
    }
}

/// A head that is made anew for each file: a name from a fixed list, and its text.
package struct HeadGenerator: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// A text in which `${time}`, `${time_ms}`, `${node}`, `${log}`, `${file_no}` and `${seq}`
        /// are replaced.
        case template
        /// The number of the head, counted from 1.
        case counter
    }

    package let kind: Kind
    /// The text of a template.
    package let text: String

    package init(kind: Kind, text: String) {
        self.kind = kind
        self.text = text
    }

    func bytes(_ format: LogFormat, _ context: LogHead.Context) throws(StoreError) -> [UInt8] {
        switch kind {
        case .template:
            let bytes = Array(try expanded(context).utf8)
            return format == .external ? bytes : Term.binary(bytes).encoded()
        case .counter:
            return format == .external
                ? Array("\(context.sequence)".utf8) : Term.integer(context.sequence).encoded()
        }
    }

    private func expanded(_ context: LogHead.Context) throws(StoreError) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}"), let value = value(rest[..<end], context)
            else {
                throw .log(
                    .invalidHeader(
                        detail: "the head's template has no field ${\(rest.prefix { $0 != "}" })}"))
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func value(_ field: Substring, _ context: LogHead.Context) -> String? {
        switch field {
        case "time": WallClock.text(ofMilliseconds: context.timeMilliseconds)
        case "time_ms": "\(context.timeMilliseconds)"
        case "node": context.node
        case "log": context.log
        case "file_no": "\(context.fileNumber)"
        case "seq": "\(context.sequence)"
        default: nil
        }
    }
}
