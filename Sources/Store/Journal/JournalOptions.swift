/// How a journal is to be opened; what is nil stays as it was, or gets its default.
package struct JournalOptions: Equatable, Sendable {
    package enum Mode: String, CaseIterable, Sendable {
        case readWrite = "read_write"
        case readOnly = "read_only"
    }

    package var mode: Mode?
    /// The directory, relative to the data directory.
    package var path: String?
    /// The size in bytes at which a new file is begun.
    package var fileMax: Int?
    package var compressor: JournalCompressor?
    /// Whether files before the last checkpoint are removed without being asked for.
    package var archive: Bool?
    /// Whether the next file is made in advance.
    package var prealloc: Bool?
    /// What appends promise that don't say.
    package var durability: Durability?
    /// How long cursors may hold archiving back; 0 for as long as they live.
    package var maxCursorHoldMilliseconds: Int?

    package init() {}

    package static let fileMaxRange = 102_400...2_147_483_648
    static let defaultFileMax = 104_857_600

    func check() throws(StoreError) {
        if let fileMax, !Self.fileMaxRange.contains(fileMax) {
            throw .badArgument(
                option: "file_max",
                detail:
                    "file_max is \(Self.fileMaxRange.lowerBound) to \(Self.fileMaxRange.upperBound) bytes"
            )
        }
        if let path { try ResourceName.checkPath(path, kind: "journals", option: "path") }
        if let hold = maxCursorHoldMilliseconds, hold < 0 {
            throw .badArgument(
                option: "max_cursor_hold_ms", detail: "max_cursor_hold_ms is 0 or more")
        }
    }

    /// These options, and those of `others` that these leave open.
    func completed(by others: JournalOptions) -> JournalOptions {
        var all = self
        all.mode = mode ?? others.mode
        all.path = path ?? others.path
        all.fileMax = fileMax ?? others.fileMax
        all.compressor = compressor ?? others.compressor
        all.archive = archive ?? others.archive
        all.prealloc = prealloc ?? others.prealloc
        all.durability = durability ?? others.durability
        all.maxCursorHoldMilliseconds =
            maxCursorHoldMilliseconds ?? others.maxCursorHoldMilliseconds
        return all
    }
}

/// How an open journal is set; all but the directory, the mode and the compressor can change.
package struct JournalSettings: Equatable, Sendable {
    package let mode: JournalOptions.Mode
    package let fileMax: Int
    package let compressor: JournalCompressor
    package let prealloc: Bool
    package var archive: Bool
    package var durability: Durability
    package var maxCursorHoldMilliseconds: Int

    init(_ options: JournalOptions) {
        mode = options.mode ?? .readWrite
        fileMax = options.fileMax ?? JournalOptions.defaultFileMax
        compressor = options.compressor ?? .none
        prealloc = options.prealloc ?? true
        archive = options.archive ?? true
        durability = options.durability ?? .synced
        maxCursorHoldMilliseconds = options.maxCursorHoldMilliseconds ?? 0
    }
}
