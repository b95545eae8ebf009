import Glibc

/// Looks through files that are to become a log, as an opening and a repair do.
struct LogImportCheck {
    let type: LogType
    let repairs: Bool
    /// What each file is called in the archive, by what its name ends with.
    let names: [String: String]
    let directory: DataDirectory
    private(set) var opened = LogOpened.ok
    /// Items of each file.
    private var items: [String: Int] = [:]

    init(type: LogType, repairs: Bool, names: [String: String], directory: DataDirectory) {
        self.type = type
        self.repairs = repairs
        self.names = names
        self.directory = directory
    }

    private static func isData(_ suffix: String) -> Bool {
        suffix != ".idx" && suffix != ".siz" && !suffix.hasSuffix(".gz")
    }

    private func bad(_ suffix: String, _ detail: String) -> StoreError {
        .badArchive(detail: "\(names[suffix] ?? "a file") \(detail)")
    }

    /// The format of files that nobody has told of: those of an internal log begin with its mark.
    func format(of paths: [String: String]) throws(StoreError) -> LogFormat {
        for (suffix, path) in paths where Self.isData(suffix) {
            let head = try directory.open(path, flags: O_RDONLY).read(
                at: 0, count: LogMark.headerSize)
            if LogMark(header: head) != nil { return .internal }
        }
        return .external
    }

    /// Checks the items of all files, and repairs them if that was asked for.
    mutating func run(_ paths: [String: String]) throws(StoreError) {
        for (suffix, path) in paths.sorted(by: { $0.key < $1.key }) where Self.isData(suffix) {
            try check(suffix, path)
        }
    }

    private mutating func check(_ suffix: String, _ path: String) throws(StoreError) {
        let file = try LogFile.open(path, format: .internal, mode: .readWrite, in: directory)
        let mark: LogMark
        do throws(StoreError) {
            mark = try file.mark()
        } catch {
            guard case .log(.notALogFile) = error else { throw error }
            throw bad(suffix, "does not begin as the file of an internal log does")
        }
        let found = try LogRepair.examine(file, end: file.end)
        items[suffix] = found.recovered
        if mark == .closed, found.badBytes == 0 { return }
        guard repairs else {
            throw .log(
                .importNeedsRepair(file: names[suffix] ?? suffix, badBytes: found.badBytes))
        }
        _ = try LogRepair.run(path, isSuspect: false, in: directory)
        let repaired = try LogFile.open(path, format: .internal, mode: .readWrite, in: directory)
        try repaired.mark(.closed)
        try repaired.sync()
        add(found)
    }

    private mutating func add(_ found: LogRepair.Outcome) {
        var sum = (recovered: found.recovered, badBytes: found.badBytes, first: found.firstBad)
        if case .repaired(let recovered, let badBytes, let first) = opened {
            sum.recovered += recovered
            sum.badBytes += badBytes
            sum.first = first ?? found.firstBad
        }
        opened = .repaired(
            recovered: sum.recovered, badBytes: sum.badBytes, firstBad: sum.first)
    }

    /// Puts the counts of the files into the index: an opening believes it.
    ///
    /// - Throws: `.badArchive` without an index that says which file is written.
    func finishIndex(
        _ paths: [String: String], _ format: LogFormat
    ) throws(StoreError) {
        guard let path = paths[".idx"] else {
            throw .badArchive(detail: "the index of the ring, a file NAME.idx, is not there")
        }
        var index: RingIndex
        switch RingIndex.parse(try directory.small(path)) {
        case .whole(let whole): index = whole
        case .cut, .none: throw bad(".idx", "is no index of a ring, or a damaged one")
        }
        let numbers = paths.keys.compactMap { LogFileNames.number($0.dropFirst()) }
        guard let highest = numbers.max(), index.current <= max(highest, index.counts.count) + 1
        else { throw bad(".idx", "names a file that the ring can't have") }
        guard format == .internal else { return }
        let before = index
        for number in 1...max(highest, index.counts.count) {
            index[number] = items[".\(number)"] ?? 0
        }
        guard index != before else { return }
        let file = try directory.open(path, flags: O_RDWR)
        try file.write(index.encoded, at: 0)
        try file.truncate(to: index.encoded.count)
        try file.sync()
    }

    /// Checks that the archives of a rotate log are such.
    func archives(_ paths: [String: String]) throws(StoreError) {
        for (suffix, path) in paths where suffix.hasSuffix(".gz") {
            let head = try directory.open(path, flags: O_RDONLY).read(at: 0, count: 2)
            guard head == [0x1F, 0x8B] else { throw bad(suffix, "is no gzip file") }
        }
    }
}
