import Glibc

/// A file of records, or the files of one log, wherever they lie: looked at, not opened as a resource.
///
/// Nothing is written, and no lock is kept.
package struct RecordFile: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        /// A pool of libpmemlog, or its set file.
        case pool
        /// One internal file of disk_log.
        case log
        /// The files of an internal ring of disk_log.
        case wrap
        /// Log files of WiredTiger.
        case journal
        /// Bytes without any framing, which only who made them knows.
        case external
    }

    package let kind: Kind
    /// As it was named; of a ring the base of its files' names.
    package let path: String
    /// The folder that it lies in.
    let folder: DataDirectory
    /// What it is called there.
    let name: String
    /// Whether the folder of a journal was named, and not one of its files.
    let isFolder: Bool
    /// The log files of a journal, in order; the numbers of a ring's files, the oldest first.
    let numbers: [UInt32]

    /// Finds what lies at `path`, and tells by its bytes what it is.
    ///
    /// - Parameters:
    ///   - path: a file, a directory of log files, or the base of the names of a ring's files.
    ///   - kind: what it is if its bytes can't tell.
    /// - Throws: `.badArgument` with the option `file` if nothing is there, with `kind` if nobody can
    ///   tell what it is.
    package init(_ path: String, kind given: Kind? = nil) throws(StoreError) {
        let (folderPath, name) = Self.split(path)
        let folder = DataDirectory(around: folderPath)
        self.folder = folder
        var status = stat()
        let isThere = stat(folder.absolute(name), &status) == 0
        if isThere, status.st_mode & S_IFMT == S_IFDIR {
            self.path = path
            self.name = name
            isFolder = true
            kind = .journal
            numbers = try Self.logFiles(in: folder, name, path, given)
            return
        }
        isFolder = false
        let isRegular = isThere && status.st_mode & S_IFMT == S_IFREG
        let told = isRegular && given == nil ? try Self.kind(ofBytesAt: name, in: folder) : nil
        if let base = Self.ringBase(of: name, in: folder, given, isThere: isThere, told) {
            self.path = String(path.dropLast(name.utf8.count)) + base
            self.name = base
            kind = .wrap
            numbers = try RingFiles(base, in: folder).numbers
            return
        }
        guard isThere else {
            throw .badArgument(option: "file", detail: "there is no file \(path)")
        }
        guard isRegular else {
            throw .badArgument(option: "file", detail: "\(path) is not a regular file")
        }
        self.path = path
        self.name = name
        guard let known = given ?? told else { throw Self.unknownKind(of: path, status) }
        kind = known
        numbers = kind == .journal ? [JournalDirectory.number(name) ?? 1] : []
    }

    /// Where the file itself lies, if a symbolic link was named, which has nothing to repair.
    package static func following(_ path: String) -> String {
        for suffix in ["", ".idx"] {
            var status = stat()
            guard lstat(path + suffix, &status) == 0, status.st_mode & S_IFMT == S_IFLNK,
                let absolute = realpath(path + suffix, nil)
            else { continue }
            defer { free(absolute) }
            let found = String(cString: absolute)
            if found.hasSuffix(suffix) { return String(found.dropLast(suffix.count)) }
        }
        return path
    }

    /// Tells two names of the same from those of others.
    package var identity: String { folder.absolute(name) }

    /// The parts of a path; a folder's is never empty.
    static func split(_ path: String) -> (folder: String, name: String) {
        var path = path[...]
        while path.utf8.count > 1, path.last == "/" { path = path.dropLast() }
        guard let slash = path.lastIndex(of: "/") else { return (".", String(path)) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.index(after: slash)...]))
    }

    private static func logFiles(
        in folder: DataDirectory, _ name: String, _ path: String, _ given: Kind?
    ) throws(StoreError) -> [UInt32] {
        let numbers = try JournalDirectory(data: folder, path: name).numbers()
        guard given == nil || given == .journal, !numbers.isEmpty else {
            throw .badArgument(
                option: "kind",
                detail: "\(path) is a folder without WiredTigerLog files; name the files in it")
        }
        return numbers
    }

    /// The base of the ring whose file has that name; nil if it belongs to none.
    ///
    /// - Parameter told: what the bytes of the file begin as: any file may have such a name.
    private static func ringBase(
        of name: String, in folder: DataDirectory, _ given: Kind?, isThere: Bool, _ told: Kind?
    ) -> String? {
        guard given == nil || given == .wrap, told == nil || told == .log else { return nil }
        if !isThere { return folder.exists(RingIndex.path(name)) ? name : nil }
        for suffix in [".idx", ".siz"]
        where told == nil && name.hasSuffix(suffix) && name.utf8.count > 4 {
            return String(name.dropLast(suffix.utf8.count))
        }
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex,
            let number = LogFileNames.number(name[name.index(after: dot)...]), number > 0
        else { return nil }
        let base = String(name[..<dot])
        return given == .wrap || folder.exists(RingIndex.path(base)) ? base : nil
    }

    /// What the first bytes of a file say; nil if nothing.
    private static func kind(
        ofBytesAt name: String, in folder: DataDirectory
    ) throws(StoreError) -> Kind? {
        let start = try folder.open(name, flags: O_RDONLY).read(
            at: 0, count: RecordHeader.alignment)
        if start.starts(with: PoolLayout.signature) || start.starts(with: PoolSet.signature) {
            return .pool
        }
        if LogMark(header: Array(start.prefix(LogMark.headerSize))) != nil { return .log }
        if start.count == RecordHeader.alignment,
            start.withUnsafeBytes({ JournalFileHead.version(of: $0) }) != nil
        {
            return .journal
        }
        return nil
    }

    private static func unknownKind(of path: String, _ status: stat) -> StoreError {
        .badArgument(
            option: "kind",
            detail: status.st_size == 0
                ? "\(path) is empty"
                : "\(path) begins as no pool, log or journal does; say what it is with --kind "
                    + "(external logs have no mark to be told by)")
    }
}

/// The files of a ring, as they lie there.
struct RingFiles {
    let index: RingIndex.Reading
    /// The numbers of its files, the oldest first as far as the index tells.
    let numbers: [UInt32]

    init(_ base: String, in folder: DataDirectory) throws(StoreError) {
        index = try RingIndex.read(base, in: folder)
        let found = try Self.found(base, in: folder)
        guard !found.isEmpty else {
            throw .badArgument(option: "file", detail: "there is no file of the ring \(base)")
        }
        let current: Int
        switch index {
        case .whole(let whole): current = whole.current
        case .cut(let number): current = number
        case .none: current = .max
        }
        numbers = (found.filter { $0 > current } + found.filter { $0 <= current }).map(UInt32.init)
    }

    private static func found(
        _ base: String, in folder: DataDirectory
    ) throws(StoreError) -> [Int] {
        let prefix = base + "."
        return try folder.names(in: ".").compactMap { name in
            name.hasPrefix(prefix) ? LogFileNames.number(name.dropFirst(prefix.utf8.count)) : nil
        }.filter { $0 > 0 }.sorted()
    }

    /// A ring would take over every file that has such a name.
    ///
    /// - Throws: `.alreadyExists` if there is one of them.
    static func requireNone(_ base: String, in folder: DataDirectory) throws(StoreError) {
        let others = [RingIndex.path(base), RingSizeFile.path(base)].filter(folder.exists)
        let numbered = try found(base, in: folder).map { "\(base).\($0)" }
        if let name = (numbered + others).first { throw .alreadyExists(name: folder.shown(name)) }
    }
}
