/// Where reading goes on: the continuation of chunk/2.
package struct LogCursor: Equatable, Sendable {
    /// Which log, and which of its lives.
    package let identity: String
    package let epoch: UInt32
    /// 0 for a log of one file.
    package let file: Int
    /// The position of that file's first item: a file that was overwritten has another.
    package let start: Int
    /// The next item's offset in the file, its header included.
    package var offset: Int
    /// The next item's position.
    package var position: Int

    package init(
        identity: String, epoch: UInt32, file: Int, start: Int, offset: Int, position: Int
    ) {
        self.identity = identity
        self.epoch = epoch
        self.file = file
        self.start = start
        self.offset = offset
        self.position = position
    }

    /// Whether there can be such a place at all: an item takes eight bytes at least.
    var isPossible: Bool {
        offset >= LogMark.headerSize && offset < 1 << 48 && position >= start
            && position - start <= (offset - LogMark.headerSize) / LogItem.headerSize
    }

    /// The beginning of a file.
    init(_ view: DiskLog.View, file: Int) {
        let start = view.map.starts[file] ?? 0
        self.init(
            identity: view.identity, epoch: view.epoch, file: file, start: start,
            offset: LogMark.headerSize, position: start)
    }
}

/// Items of one file, in their encoded form.
package struct LogChunk: Sendable {
    /// The bytes that were read; `items` are ranges of them.
    package let bytes: [UInt8]
    package let items: [Range<Int>]
    /// Bytes that were passed over; 0 but for a log that is open for reading only.
    package let badBytes: Int
    package let next: LogCursor
    /// Whether nothing was left.
    package let isEnd: Bool
}

/// What a chunk shall hold.
package struct ChunkRequest: Sendable {
    /// Items at most.
    package var limit = Int.max
    /// Bytes that are read at once; a larger item comes alone.
    package var window = 65_536
    /// Whether an item must be a term; `bchunk` of the original does not ask.
    package var mustDecode = false
    /// Whether the log is read from one end to the other, so that keeping what is read helps nobody.
    package var isSequential = false

    package init(
        limit: Int = .max, window: Int = 65_536, mustDecode: Bool = false,
        isSequential: Bool = false
    ) {
        self.isSequential = isSequential
        self.limit = limit
        self.window = window
        self.mustDecode = mustDecode
    }
}
