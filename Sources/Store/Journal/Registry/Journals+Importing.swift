import Glibc

// A journal that comes as an archive of its log files.

extension Journals {
    /// Starts to receive the files of a journal.
    ///
    /// What makes a directory one that the real library opens is made anew; what is made in advance
    /// means nothing. Tables have no place here.
    package func beginImport() -> TarImport {
        TarImport(in: directory) { (name) throws(StoreError) in
            if JournalDirectory.number(name) != nil { return true }
            guard
                StubDatabase.names.contains(name) || name == "WiredTiger.basecfg"
                    || name.hasPrefix(JournalDirectory.preparedPrefix)
                    || name.hasPrefix(JournalDirectory.unfinishedPrefix)
            else {
                throw .badArchive(
                    detail: "\(name) is no log file; of a database only the log can be imported")
            }
            return false
        }
    }

    /// Makes what was received the journal `name`, which must not exist, and opens it; waits.
    ///
    /// The note says that the files are being removed until all are in place: a crash before that
    /// leaves no journal, one behind it the whole journal.
    /// - Throws: `.alreadyExists`, `.badArchive`, `.importNeedsRepair` unless `repairs`.
    package func finishImport(
        _ received: TarImport, as name: String, _ given: JournalOptions, repairs: Bool
    ) throws(StoreError) -> Journal {
        try given.check()
        let place = JournalDirectory(data: directory, path: Self.defaultPath(name))
        try turns.with(name) { () throws(StoreError) in _ = try requireNew(name, place) }
        let (members, notes) = try received.finish()
        try JournalImportCheck(directory: directory, repairs: repairs).run(members)
        var options = given
        options.path = place.path
        options.fileMax = given.fileMax ?? notes.values["file_max"].flatMap { Int($0) }
        options.compressor =
            given.compressor ?? notes.values["compressor"].flatMap(JournalCompressor.init)
        try options.check()
        return try turns.with(name) { [options] () throws(StoreError) in
            let unknown = try requireNew(name, place)
            var pending = unknown
            pending.options = options
            pending.isDeleting = true
            do throws(StoreError) {
                try pending.save(in: directory)
                try services.forget("journals", name, in: directory)
                directory.discard(JournalMark.path(of: name))
                try directory.makeFolders(above: place.path("x"))
                for member in members {
                    guard let number = JournalDirectory.number(member.name) else { continue }
                    try directory.rename(member.temporary, to: place.logPath(number))
                }
                try StubDatabase.make(in: place)
                try directory.syncFolder(of: place.path("x"))
                return try load(name, options, unknown).journal
            } catch {
                forgetFailure(of: name)
                try? pending.save(in: directory)
                try? finishDeleting(name, pending)
                throw error
            }
        }
    }

    private func requireNew(
        _ name: String, _ place: JournalDirectory
    ) throws(StoreError) -> JournalMemory {
        let memory = try memory(of: name)
        guard loaded(name) == nil, !memory.isKnown, !directory.exists(place.path) else {
            throw .alreadyExists(name: "the journal " + name)
        }
        return memory
    }
}

/// Looks through log files that are to become a journal, record by record.
struct JournalImportCheck {
    let directory: DataDirectory
    /// Whether what a crash left at the end is to be cut off.
    let repairs: Bool

    /// - Throws: `.badArchive`, `.importNeedsRepair`.
    func run(_ members: [TarImport.Member]) throws(StoreError) {
        var files: [UInt32: TarImport.Member] = [:]
        for member in members {
            guard let number = JournalDirectory.number(member.name) else { continue }
            guard files[number] == nil else {
                throw .badArchive(detail: "log file \(number) is in the archive twice")
            }
            files[number] = member
        }
        guard let first = files.keys.min(), let last = files.keys.max() else {
            throw .badArchive(detail: "the archive has no log file")
        }
        guard first > 0, Int(last) - Int(first) == files.count - 1 else {
            throw .badArchive(
                detail: "log files are missing between \(first) and \(last), or one is numbered 0")
        }
        var end: LSN?
        for (number, member) in files.sorted(by: { $0.key < $1.key }) {
            end = try check(number, member, behind: end, isLast: number == last)
        }
    }

    /// Looks through one file; where its records end.
    ///
    /// - Parameter end: where those of the file before end; nil for the first one.
    private func check(
        _ number: UInt32, _ member: TarImport.Member, behind end: LSN?, isLast: Bool
    ) throws(StoreError) -> LSN {
        var reader = JournalFileReader(
            try directory.open(member.temporary, flags: O_RDONLY), number: number)
        try reader.measure()
        var offset: Int
        do throws(StoreError) {
            offset = try reader.checkHead()
        } catch {
            guard case .journal(.corrupt) = error else { throw error }
            throw .badArchive(detail: "\(member.name) does not begin as a log file does")
        }
        guard try reader.hasWholeHeader() else {
            throw .badArchive(detail: "the header of \(member.name) has a wrong checksum")
        }
        if let end, let complaint = try reader.complaint(of: end, isNewest: isLast) {
            throw .badArchive(detail: "at byte \(end.offset) is \(complaint)")
        }
        while true {
            let place = LSN(file: number, offset: UInt32(clamping: offset))
            switch try reader.read(at: offset) {
            case .record(let record): offset = record.end
            case .end: return place
            case .unfinished(let detail), .corrupt(let detail):
                guard isLast else {
                    throw .badArchive(detail: "at byte \(offset) of \(member.name) is \(detail)")
                }
                if repairs { return place }
                throw .journal(.importNeedsRepair(place, detail: detail))
            }
        }
    }
}
