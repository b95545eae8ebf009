import Glibc

/// The repair of a journal: its newest file is cut where its whole records end.
///
/// Elsewhere nothing is unfinished, so that damage there was not left by a crash and is not cut.
struct JournalRepair {
    let repair: FileRepair
    let path: String?

    private var file: RecordFile { repair.file }

    /// Where the newest file is to be cut.
    private struct Cut {
        let number: UInt32
        let offset: Int
        let size: Int
        let records: Int
        /// Whether anything but zeros goes.
        let hasBytes: Bool
    }

    init(_ repair: FileRepair, _ path: String?) {
        self.repair = repair
        self.path = path
    }

    func run() throws(StoreError) -> FileRepair.Part {
        var request = ReadRequest()
        request.wantsOperations = false
        let findings = try file.read(request) { _ in true }
        for part in findings.parts.dropLast() where part.fault != nil {
            throw .failed(
                detail: "\(part.name) is damaged at byte \(part.firstBad ?? 0) and not the newest "
                    + "file: no crash leaves that, and nothing can be cut there; dump and convert "
                    + "pass over it")
        }
        let cut = try findCut()
        let whole = findings.records
        let lost = whole - cut.records - findings.parts.dropLast().reduce(0) { $0 + $1.records }
        guard lost == 0 || repair.isLossy else {
            throw .failed(
                detail: "behind the damage at byte \(cut.offset) of the newest file lie \(lost) "
                    + "whole records, which a cut would drop, too; --lossy drops them, convert "
                    + "keeps them")
        }
        let result = try path.map { path throws(StoreError) in try copy(to: path, cut) }
        let saved = result == nil ? try cutInPlace(cut) : nil
        return FileRepair.Part(
            name: result ?? file.path, kept: whole - lost,
            badBytes: cut.hasBytes ? cut.size - cut.offset : 0,
            firstBad: cut.hasBytes ? cut.offset : nil, saved: saved)
    }

    private func findCut() throws(StoreError) -> Cut {
        guard let number = file.numbers.last,
            var reader = try file.journalReader(number, file.journalDirectory)
        else { throw .failed(detail: "\(file.path) has no log file") }
        try reader.measure()
        var offset: Int
        do throws(StoreError) {
            offset = try reader.checkHead()
        } catch {
            guard case .journal(.corrupt(_, let detail)) = error else { throw error }
            throw .failed(detail: "\(detail): there is nothing to cut it back to")
        }
        var records = 0
        while case .record(let record) = try reader.read(at: offset) {
            offset = record.end
            records += 1
        }
        let isZero = try file.openNewest().isZero(from: offset, to: reader.size)
        return Cut(
            number: number, offset: offset, size: reader.size, records: records,
            hasBytes: !isZero)
    }

    /// Cuts the newest file; where the bytes went that were cut off.
    private func cutInPlace(_ cut: Cut) throws(StoreError) -> String? {
        let newest = try file.journalDirectory.numbers().last ?? cut.number
        guard newest <= cut.number else {
            throw .failed(detail: "\(file.path) is not the newest file of its folder")
        }
        guard cut.hasBytes else { return nil }
        let lock =
            file.folder.exists(file.journalDirectory.path(StubDatabase.lockName))
            ? try StubDatabase.lock(file.journalDirectory) : nil
        defer { withExtendedLifetime(lock) {} }
        let name = file.newestPath
        // The name must not begin as a log file's does: the original would take it for one.
        let last = name.split(separator: "/").last.map(String.init) ?? name
        let saved = file.journalDirectory.path("cut-\(last)-at-\(cut.offset)")
        guard !file.folder.exists(saved) else {
            throw .alreadyExists(name: file.folder.shown(saved))
        }
        let temporary = file.folder.temporaryName()
        try file.folder.copy(name, in: file.folder, from: cut.offset, to: temporary)
        try file.folder.publish(temporary, as: saved)
        try file.folder.syncFolder(of: saved)
        let opened = try file.folder.open(name, flags: O_RDWR)
        try opened.truncate(to: cut.offset)
        try opened.sync()
        return file.folder.shown(saved)
    }

    /// Copies the log files, and makes a folder of them one that the real library opens.
    private func copy(to path: String, _ cut: Cut) throws(StoreError) -> String {
        let (folderPath, name) = RecordFile.split(path)
        let target = DataDirectory(around: folderPath)
        guard !target.exists(name) else { throw .alreadyExists(name: path) }
        let temporary = target.temporaryName()
        guard file.isFolder else {
            try target.copy(
                file.name, in: file.folder, end: cut.offset, to: temporary,
                progress: repair.progress)
            try target.publish(temporary, as: name)
            return path
        }
        var done = 0
        try JournalFolder(temporary, in: target).make(as: name) {
            (folder) throws(StoreError) in
            for number in file.numbers {
                try target.copy(
                    file.journalDirectory.logPath(number), in: file.folder,
                    end: number == cut.number ? cut.offset : .max, to: folder.logPath(number),
                    progress: { repair.progress(done + $0) })
                done += cut.size
            }
        }
        return path
    }
}

extension RecordFile {
    /// The newest file of a journal.
    fileprivate var newestPath: String {
        isFolder ? journalDirectory.logPath(numbers.last ?? 1) : name
    }

    fileprivate func openNewest() throws(StoreError) -> File {
        try folder.open(newestPath, flags: O_RDONLY)
    }
}
