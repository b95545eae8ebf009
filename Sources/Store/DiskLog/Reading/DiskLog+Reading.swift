// Reading an internal log: chunk/2,3, bchunk/2,3 and chunk_step/3.

extension DiskLog {
    /// Calls `complete` when the log may be read: at once, unless another has blocked it.
    package func whenReadable(
        by caller: LogCaller, waitMilliseconds: Int,
        complete: @escaping @Sendable (StoreError?) -> Void
    ) {
        let isFree = owners.whileFree {}
        owners.admit(.read, by: caller, waitMilliseconds: waitMilliseconds) { [self] refusal in
            if let refusal { return complete(refusal) }
            if isFree { return whenWritten { complete(nil) } }
            // Behind what waited before it.
            committer.perform { [self] _ in whenWritten { complete(nil) } }
        }
    }

    /// The cursor at the oldest item.
    package func oldestCursor() throws(StoreError) -> LogCursor {
        try requireInternal()
        let view = view
        return LogCursor(view, file: view.map.order.first ?? view.map.current)
    }

    /// Items from the cursor on, of one file; waits for the disk.
    ///
    /// - Throws: `.corruptLogFile` unless the log is open for reading only; `.positionGone`.
    package func chunk(
        from cursor: LogCursor, _ request: ChunkRequest
    ) throws(StoreError) -> LogChunk {
        try requireInternal()
        var cursor = cursor
        while true {
            let view = view
            try check(cursor, view)
            // A file that is missing, or is none of a log, is passed over.
            let reader = try LogFileReader(self, view, cursor, request)
            if let reader, cursor.offset < reader.end {
                let chunk = try reader.chunk(request, skipsDamage: mode == .readOnly)
                try check(cursor, self.view)
                count(read: chunk)
                return chunk
            }
            // Unless it was the log itself that has just removed it, or put another in its place.
            try check(cursor, self.view)
            guard let next = view.map.next(after: cursor.file) else { return Self.end(cursor) }
            cursor = LogCursor(view, file: next)
        }
    }

    private static func end(_ cursor: LogCursor) -> LogChunk {
        LogChunk(bytes: [], items: [], badBytes: 0, next: cursor, isEnd: true)
    }

    /// The beginning of the file `step` files away; chunk_step/3.
    package func step(from cursor: LogCursor, by step: Int) throws(StoreError) -> LogCursor {
        guard type == .wrap, format == .internal else {
            throw .log(.notInternalWrap(name: name))
        }
        let view = view
        try check(cursor, view)
        let size = view.map.ringSize
        let remainder = (cursor.file + step % size) % size
        let file = remainder > 0 ? remainder : remainder + size
        guard view.map.starts[file] != nil, setting.directory.exists(path(file)) else {
            throw .log(.endOfLog(name: name))
        }
        return LogCursor(view, file: file)
    }

    /// The cursor at a position; looks through the file that holds it, so it waits for the disk.
    ///
    /// - Throws: `.positionGone` before the oldest item, `.badArgument` behind the last.
    package func cursor(at position: Int) throws(StoreError) -> LogCursor {
        try requireInternal()
        let emptied = setting.emptied.withLock { $0 }
        let view = view
        guard position >= view.oldest else {
            throw .positionGone(oldest: view.map.oldest(after: emptied))
        }
        guard position <= view.position else {
            throw .badArgument(
                option: "from", detail: "the log ends at position \(view.position)")
        }
        let order = view.map.order
        let file = order.last { view.map.starts[$0].map { $0 <= position } ?? false }
        var cursor = LogCursor(view, file: file ?? view.map.current)
        while cursor.position < position {
            let request = ChunkRequest(limit: position - cursor.position, window: 1 << 20)
            let chunk = try chunk(from: cursor, request)
            if chunk.isEnd { break }
            cursor = chunk.next
        }
        return cursor
    }

    /// - Throws: `.badContinuation` for another log's, `.positionGone` for what has been overwritten.
    package func check(_ cursor: LogCursor) throws(StoreError) { try check(cursor, view) }

    private func check(_ cursor: LogCursor, _ view: View) throws(StoreError) {
        guard cursor.identity == view.identity else {
            throw .log(.badContinuation(detail: "the continuation is one of another log"))
        }
        // They come from clients.
        guard cursor.isPossible else {
            throw .log(.badContinuation(detail: "the continuation was changed"))
        }
        // Asked in this order: a file is announced before it is emptied, and shown afterwards.
        let emptied = setting.emptied.withLock { $0 }
        let now = self.view
        guard emptied[cursor.file] == nil, cursor.epoch == now.epoch,
            now.map.starts[cursor.file] == cursor.start
        else { throw .positionGone(oldest: now.map.oldest(after: emptied)) }
        guard now.state != .closed else { throw .log(.noSuchLog(name: name, isKnown: true)) }
    }

    private func requireInternal() throws(StoreError) {
        if format == .external { throw .log(.formatExternal(name: name)) }
    }

    /// The path of a file of the log.
    func path(_ number: Int) -> String {
        number == 0 ? setting.base : "\(setting.base).\(number)"
    }
}

/// One file of a log while a chunk is read from it.
struct LogFileReader {
    private let file: LogFile
    /// Where pages of the file are kept; nil to read past that.
    private let cached: CachedFile?
    private let cursor: LogCursor
    /// Where the file ends for readers.
    let end: Int

    /// Nil if the file is missing or is none of a log.
    init?(
        _ log: DiskLog, _ view: DiskLog.View, _ cursor: LogCursor, _ request: ChunkRequest
    ) throws(StoreError) {
        self.cursor = cursor
        cached = request.isSequential ? nil : log.cached(cursor.file, start: cursor.start, view)
        if cursor.file == view.map.current {
            file = view.file
            end = view.end
            return
        }
        do throws(StoreError) {
            file = try LogFile.open(
                log.path(cursor.file), format: .internal, mode: .readOnly,
                in: log.setting.directory)
            _ = try file.mark()
            end = file.end
        } catch {
            switch error {
            case .io(let fault) where fault.errno == 2: return nil
            case .log(.notALogFile): return nil
            default: throw error
            }
        }
    }

    func chunk(_ request: ChunkRequest, skipsDamage: Bool) throws(StoreError) -> LogChunk {
        var needed = request.window
        while true {
            let bytes = try read(needed)
            var parser = ChunkParser(
                request, skipsDamage: skipsDamage, isWhole: cursor.offset + bytes.count == end)
            let stop = bytes.withUnsafeBytes { parser.run($0) }
            switch stop {
            case .damage:
                throw .log(
                    .corruptLogFile(file: file.path, offset: cursor.offset + parser.offset))
            case .needs(let count) where !parser.hasResult:
                guard skipsDamage || parser.offset + count <= end - cursor.offset else {
                    throw .log(.corruptLogFile(file: file.path, offset: cursor.offset))
                }
                needed = parser.offset + count
            case .done, .needs: return result(bytes, parser)
            }
        }
    }

    private func result(_ bytes: [UInt8], _ parser: ChunkParser) -> LogChunk {
        var next = cursor
        next.offset += parser.offset
        next.position += parser.items.count
        return LogChunk(
            bytes: bytes, items: parser.items, badBytes: parser.badBytes, next: next, isEnd: false)
    }

    private func read(_ wanted: Int) throws(StoreError) -> [UInt8] {
        let count = min(wanted, end - cursor.offset)
        var failure: StoreError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(StoreError) {
                let buffer = UnsafeMutableRawBufferPointer(buffer)
                guard let cached else {
                    initialized = try file.read(at: cursor.offset, into: buffer)
                    return
                }
                initialized = try cached.read(at: cursor.offset, end: end, into: buffer) {
                    (place, rest) throws(StoreError) in try file.read(at: place, into: rest)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard bytes.count == count else {
            throw .cutShort(detail: "\(file.path) is shorter than what was written to it")
        }
        return bytes
    }
}
