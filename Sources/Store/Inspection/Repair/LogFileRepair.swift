/// The repair of one internal file, which then is closed.
struct LogFileRepair {
    let repair: FileRepair
    let source: DataDirectory
    let name: String
    /// Where the repaired copy goes; nil if it takes the file's place.
    let target: (folder: DataDirectory, name: String)?

    init(_ repair: FileRepair, _ path: String?) {
        self.init(
            repair, name: repair.file.name,
            target: path.map { path in
                let (folder, name) = RecordFile.split(path)
                return (DataDirectory(around: folder), name)
            })
    }

    init(
        _ repair: FileRepair, name: String, target: (folder: DataDirectory, name: String)?
    ) {
        self.repair = repair
        source = repair.file.folder
        self.name = name
        self.target = target
    }

    func run() throws(StoreError) -> FileRepair.Part {
        guard let target else { return try runInPlace() }
        guard !target.folder.exists(target.name) else {
            throw .alreadyExists(name: target.folder.shown(target.name))
        }
        let (temporary, outcome) = try prepare(in: target.folder)
        do throws(StoreError) {
            try target.folder.publish(temporary, as: target.name)
        } catch {
            target.folder.discard(temporary)
            throw error
        }
        return part(target.folder.shown(target.name), outcome, saved: nil)
    }

    /// Makes a repaired copy, closed and durable, that nobody looks at yet.
    func prepare(
        in folder: DataDirectory
    ) throws(StoreError) -> (temporary: String, outcome: LogRepair.Outcome) {
        try requireMark()
        let temporary = folder.temporaryName()
        do throws(StoreError) {
            try folder.copy(name, in: source, to: temporary, progress: repair.progress)
            let outcome = try LogRepair.run(temporary, isSuspect: false, in: folder)
            let file = try LogFile.open(
                temporary, format: .internal, mode: .readWrite, in: folder)
            try file.mark(.closed)
            try file.sync()
            return (temporary, outcome)
        } catch {
            folder.discard(temporary)
            throw error
        }
    }

    /// Where nothing is bad only the mark is written.
    private func runInPlace() throws(StoreError) -> FileRepair.Part {
        let isClosed = try requireMark()
        var hasOld = false
        var scan = LogScan()
        do {
            let file = try LogFile.open(name, format: .internal, mode: .readOnly, in: source)
            try scan.run(file, end: file.end) { item in
                hasOld = hasOld || item.isOld
                return true
            }
        }
        let path = source.shown(name)
        if scan.badBytes == 0, !hasOld {
            if !isClosed {
                let file = try LogFile.open(name, format: .internal, mode: .readWrite, in: source)
                try file.mark(.closed)
                try file.sync()
            }
            return .init(name: path, kept: scan.items, badBytes: 0, firstBad: nil, saved: nil)
        }
        let saved = name + ".damaged"
        guard !source.exists(saved) else { throw .alreadyExists(name: source.shown(saved)) }
        let (temporary, outcome) = try prepare(in: source)
        try source.replace(name, with: temporary, keepingAs: saved)
        return part(path, outcome, saved: source.shown(saved))
    }

    /// Whether the file says that it was closed.
    ///
    /// - Throws: `.failed` if it does not begin as a log's file: the original refuses it, too.
    @discardableResult private func requireMark() throws(StoreError) -> Bool {
        let file = try LogFile.open(name, format: .internal, mode: .readOnly, in: source)
        do throws(StoreError) {
            return try file.mark() == .closed
        } catch {
            guard case .log(.notALogFile) = error else { throw error }
            throw .failed(
                detail: "\(source.shown(name)) does not begin as the file of an internal log "
                    + "does: disk_log repairs no such file, either")
        }
    }

    private func part(
        _ path: String, _ outcome: LogRepair.Outcome, saved: String?
    ) -> FileRepair.Part {
        .init(
            name: path, kept: outcome.recovered, badBytes: outcome.badBytes,
            firstBad: outcome.firstBad, saved: saved)
    }
}
