/// How the files of a log are used; the `type` of disk_log:open/1.
package enum LogType: String, CaseIterable, Sendable {
    /// One file, with or without a limit.
    case halt
    /// A ring of files.
    case wrap
    /// One file, and compressed archives of those before it.
    case rotate
}

/// What the files hold; the `format` of disk_log:open/1.
package enum LogFormat: String, CaseIterable, Sendable {
    /// Framed items, each an Erlang term.
    case `internal`
    /// The bytes of the records and nothing else.
    case external
}

/// Whether a log may be written; the `mode` of disk_log:open/1.
package enum LogMode: String, CaseIterable, Sendable {
    case readWrite = "read_write"
    case readOnly = "read_only"
}

/// What becomes of a log that was not closed; the `repair` of disk_log:open/1.
package enum RepairMode: String, CaseIterable, Sendable {
    /// Its good items are kept.
    case repair = "true"
    /// It is not opened.
    case refuse = "false"
    /// Whatever is there is removed, also from a log that was closed.
    case truncate
}

/// How large a log may become; the `size` of disk_log:open/1.
package enum LogSize: Equatable, Sendable {
    /// A halt log without a limit.
    case infinity
    /// A halt log's bytes, at least 1.
    case bytes(Int)
    /// The bytes of each file of a ring, at least 1, and how many files: 1 to 64,999.
    case files(maxBytes: Int, maxFiles: Int)

    /// One more than the most files that a ring can have.
    package static let fileNumberLimit = 65_000

    /// - Throws: `.badArgument` where a log of `type` can't have this size.
    package func check(for type: LogType) throws(StoreError) {
        switch (type, self) {
        case (.halt, .infinity): return
        case (.halt, .bytes(let bytes)) where bytes > 0: return
        case (.wrap, .files(let bytes, let files)), (.rotate, .files(let bytes, let files)):
            if bytes > 0, files > 0, files < Self.fileNumberLimit { return }
        default: break
        }
        let wanted =
            type == .halt
            ? "\"infinity\" or a positive number of bytes"
            : "max_no_bytes of at least 1 and max_no_files of 1 to \(Self.fileNumberLimit - 1)"
        throw .badArgument(
            option: "size", detail: "the size of a \(type.rawValue) log is \(wanted)")
    }
}

/// What a log is opened with; what is not given is as it was at the last opening, or the default.
package struct LogOptions: Equatable, Sendable {
    /// The file, or what the names of a ring's files begin with, relative to the data directory;
    /// `logs/NAME.LOG` unless given.
    package var file: String?
    /// `halt` unless given.
    package var type: LogType?
    /// `internal` unless given.
    package var format: LogFormat?
    /// Without limit unless given; a new ring must be given one.
    package var size: LogSize?
    /// `repair` unless given.
    package var repair: RepairMode?
    /// `readWrite` unless given.
    package var mode: LogMode?
    /// The first item of every file that is made; nil if not given.
    package var head: LogHead?
    /// Whether repairs and missing files are kept out of the service's log.
    package var quiet: Bool?
    /// What appends promise that don't say; `synced` unless given.
    package var durability: Durability?

    package init() {}

    /// Without the size that says nothing of a ring: infinity is the one that its files have.
    func sized(for type: LogType?) -> LogOptions {
        var options = self
        if type == .wrap, size == .infinity { options.size = nil }
        return options
    }

    /// - Throws: `.badArgument` for what no log of that name can have.
    func check(for name: String) throws(StoreError) {
        // The default place is longer than what a client may give where the name is.
        if let file, file != Logs.defaultBase(name) {
            try ResourceName.checkPath(file, kind: "logs")
        }
        if repair == .truncate, mode == .readOnly {
            throw .badArgument(
                option: "repair", detail: "a log that is opened read_only can't be truncated")
        }
        if type == .rotate, format == .internal {
            throw .badArgument(option: "format", detail: "a rotate log is external")
        }
        if let type, let size { try size.check(for: type) }
    }
}
