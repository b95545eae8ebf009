import Glibc

/// Moves the records of a file into a new one of any kind.
///
/// Logs of disk_log hold terms, everything else bytes. Bytes become binaries and binaries bytes; or the
/// bytes are the encodings of terms, if that was asked for.
package struct Conversion {
    /// What is to be made.
    package struct Target: Sendable {
        package let kind: RecordFile.Kind
        package let path: String
        /// Bytes of a pool's file, of each file of a ring, or at which a journal begins a new file.
        package var size: Int?
        /// How many files a ring has.
        package var files: Int?

        package init(_ path: String, _ kind: RecordFile.Kind) {
            self.path = path
            self.kind = kind
        }
    }

    /// What was moved.
    package struct Outcome: Sendable {
        package var records = 0
        package var bytes = 0
        /// Operations of a journal that put no value anywhere: removes, changes, truncates.
        package var skipped = 0
        /// Keys of rows, which no other format has a place for.
        package var keys = 0
        /// What was found in the source.
        package var findings = FileFindings()
    }

    let source: RecordFile
    let target: Target
    /// How the source's bytes become records; nil if not at all.
    let division: ByteDivision?
    /// Whether bytes are encodings of terms.
    let areTerms: Bool
    let progress: (Int) -> Void
    private var outcome = Outcome()

    package init(
        _ source: RecordFile, to target: Target, division: ByteDivision?, areTerms: Bool,
        progress: @escaping (Int) -> Void = { _ in }
    ) {
        self.source = source
        self.target = target
        self.division = division
        self.areTerms = areTerms
        self.progress = progress
    }

    /// Makes the file, which gets its name when it is whole and on stable storage.
    ///
    /// - Throws: `.badArgument`, that names the option which mends it; `.alreadyExists`; what files do.
    package mutating func run() throws(StoreError) -> Outcome {
        var request = ReadRequest()
        if let division { request.division = division }
        let needsDivision = source.hasBytes && !target.hasBytes
        if needsDivision, division == nil {
            throw .badArgument(
                option: "lines",
                detail: "the data of \(source.kind == .pool ? "a pool" : "an external log") has no "
                    + "record boundaries: say with --lines that each line is a record, or with "
                    + "--chunk N that each N bytes are")
        }
        if !needsDivision { request.division = .pieces(1 << 20) }
        let writesLines = !source.hasBytes && target.hasBytes && division == .lines
        let sink = try target.makeSink()
        do throws(StoreError) {
            outcome.findings = try source.read(request, progress: progress) {
                (record) throws(StoreError) in
                try move(record, to: sink, writesLines: writesLines)
                return true
            }
            try sink.finish()
        } catch {
            sink.abandon()
            throw error
        }
        return outcome
    }

    private mutating func move(
        _ record: FoundRecord, to sink: any RecordSink, writesLines: Bool
    ) throws(StoreError) {
        switch record.content {
        case .term(let term) where target.hasTerms: try put(term, to: sink)
        case .term(let term):
            if areTerms { return try put(term, lines: writesLines, to: sink, record) }
            guard let content = ExternalTerm.content(ofBinary: term) else {
                throw .badArgument(
                    option: "terms",
                    detail: "the record at position \(record.position) is a term that is no "
                        + "binary; --terms moves terms as their encodings")
            }
            try put(content, lines: writesLines, to: sink, record)
        case .bytes(let bytes): try move(bytes, lines: writesLines, to: sink, record)
        case .row(let row):
            if row.isRecord {
                if row.operationType == OperationType.rowPut { outcome.keys += 1 }
                try row.withRecord { (bytes) throws(StoreError) in
                    try move(bytes, lines: writesLines, to: sink, record)
                }
            } else if row.isOtherOperation {
                outcome.skipped += 1
            }
        }
    }

    /// Moves bytes, which become terms if the target has such.
    private mutating func move(
        _ bytes: UnsafeRawBufferPointer, lines: Bool, to sink: any RecordSink, _ record: FoundRecord
    ) throws(StoreError) {
        guard target.hasTerms else { return try put(bytes, lines: lines, to: sink, record) }
        guard !areTerms else {
            guard ExternalTerm.isTerm(bytes) else {
                throw .badArgument(
                    option: "terms",
                    detail: "the record at position \(record.position) is no encoding of a term; "
                        + "without --terms its bytes become a binary")
            }
            return try put(bytes, to: sink)
        }
        var writer = TermWriter(atoms: .latin1)
        writer.version()
        writer.binary(bytes)
        try writer.bytes.withBytes { (term) throws(StoreError) in try put(term, to: sink) }
    }

    private mutating func put(
        _ bytes: UnsafeRawBufferPointer, lines: Bool = false, to sink: any RecordSink,
        _ record: FoundRecord? = nil
    ) throws(StoreError) {
        if lines, bytes.contains(0x0A) {
            throw .badArgument(
                option: "lines",
                detail: "the record at position \(record?.position ?? 0) has a line end in it and "
                    + "can't become a line")
        }
        try sink.add(bytes)
        if lines {
            try [UInt8]("\n".utf8).withBytes { (end) throws(StoreError) in try sink.add(end) }
        }
        outcome.records += 1
        outcome.bytes += bytes.count
    }
}

extension Conversion.Target {
    /// Whether it holds bytes without boundaries.
    var hasBytes: Bool { kind == .pool || kind == .external }
    /// Whether its records are terms.
    var hasTerms: Bool { kind == .log || kind == .wrap }

    /// - Throws: `.alreadyExists`; `.badArgument` for a size that there can't be.
    func makeSink() throws(StoreError) -> any RecordSink {
        let (folderPath, name) = RecordFile.split(path)
        let folder = DataDirectory(around: folderPath)
        if kind == .wrap {
            try RingFiles.requireNone(name, in: folder)
        } else if folder.exists(name) {
            throw .alreadyExists(name: folder.shown(name))
        }
        return switch kind {
        case .pool: try PoolSink(name, in: folder, size: size)
        case .log: try LogSink(name, in: folder)
        case .wrap: try RingSink(name, in: folder, size: size, files: files)
        case .journal: try JournalSink(name, in: folder, fileMax: size)
        case .external: try ExternalSink(name, in: folder)
        }
    }
}

extension RecordFile {
    /// Whether it holds bytes without boundaries.
    fileprivate var hasBytes: Bool { kind == .pool || kind == .external }
}

extension JournalRow {
    /// Whether it is an operation of a transaction that puts nothing.
    fileprivate var isOtherOperation: Bool {
        recordType == RecordType.commit && operationCounter > 0 && !isRecord
    }

    /// Whether it is a message, or puts a value somewhere.
    fileprivate var isRecord: Bool {
        recordType == RecordType.message
            || [OperationType.rowPut, OperationType.columnPut].contains(operationType)
    }

    /// Runs `body` with the text of a message, or with the value that is put.
    fileprivate func withRecord<Result>(
        _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let value = value
        let end = recordType == RecordType.message ? value.firstIndex(of: 0) : nil
        return try value.withBytes { (bytes) throws(StoreError) in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<(end ?? bytes.count)]))
        }
    }
}
