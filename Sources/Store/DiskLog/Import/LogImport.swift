/// What a log is to be made of that came as an archive; what is not given is told by the archive.
package struct LogImportOptions: Equatable, Sendable {
    package var type: LogType?
    package var format: LogFormat?
    /// The bytes of a halt log, or of each file.
    package var maxBytes: Int?
    package var maxFiles: Int?
    /// Whether items of a log that was damaged, or not closed, are taken as a repair takes them.
    package var repairs = false

    package init() {}
}

/// The files of an archive as those of one log: checked, and ready to be given their names.
struct LogImport {
    let type: LogType
    let format: LogFormat
    let size: LogSize?
    /// Where each file lies, by what its name ends with.
    let files: [String: String]
    /// What a repair found, if there was need of one.
    let opened: LogOpened

    /// Examines what came as an opening would, item by item.
    ///
    /// - Throws: `.badArchive`; `.importNeedsRepair` unless repairs were asked for.
    init(
        _ archive: (members: [TarImport.Member], notes: ArchiveNotes), _ given: LogImportOptions,
        in directory: DataDirectory
    ) throws(StoreError) {
        let notes = archive.notes.values
        let members = archive.members
        let type =
            given.type ?? notes["type"].flatMap(LogType.init)
            ?? LogFileNames.type(of: members.map(\.name))
        var files = try LogFileNames.sorted(members, as: type)
        var check = LogImportCheck(
            type: type, repairs: given.repairs, names: files.mapValues(\.name),
            directory: directory)
        let paths = files.mapValues(\.temporary)
        let format: LogFormat
        if type == .rotate {
            format = .external
        } else if let told = given.format ?? notes["format"].flatMap(LogFormat.init) {
            format = told
        } else {
            format = try check.format(of: paths)
        }
        size = try Self.size(given, notes, type, paths[".siz"], directory)
        if format == .internal { try check.run(paths) }
        if type == .wrap { try check.finishIndex(paths, format) }
        if type == .rotate { try check.archives(paths) }
        self.type = type
        self.format = format
        opened = check.opened
        // What says nothing is made anew by the opening.
        if let path = paths[".siz"], try RingSizeFile.read(directory.small(path)) == nil {
            files[".siz"] = nil
        }
        self.files = files.mapValues(\.temporary)
    }

    private static func size(
        _ given: LogImportOptions, _ notes: [String: String], _ type: LogType, _ file: String?,
        _ directory: DataDirectory
    ) throws(StoreError) -> LogSize? {
        var found: RingSizeFile?
        if let file { found = RingSizeFile.read(try directory.small(file)) }
        // The size file knows better than what was noted beside it.
        let notes = found == nil ? notes : [:]
        let maxBytes = given.maxBytes ?? notes["max_no_bytes"].flatMap { Int($0) }
        let maxFiles = given.maxFiles ?? notes["max_no_files"].flatMap { Int($0) }
        let size: LogSize?
        switch (type, maxBytes, maxFiles) {
        case (.halt, let bytes?, nil): size = .bytes(bytes)
        case (.halt, nil, nil): return .infinity
        case (.wrap, let bytes?, let files?), (.rotate, let bytes?, let files?):
            size = .files(maxBytes: bytes, maxFiles: files)
        case (.wrap, nil, nil) where found != nil: return nil
        default:
            throw .badArgument(
                option: "max_no_bytes",
                detail: type == .halt
                    ? "a halt log has no max_no_files"
                    : "the archive does not say how large the log's files may be, nor how many there "
                        + "are: send max_no_bytes and max_no_files")
        }
        if let size { try size.check(for: type) }
        if let size, let found, found.size != size {
            throw .log(.sizeMismatch(current: found.size, given: size))
        }
        return size
    }
}

extension DataDirectory {
    /// The bytes of a small file that came in an archive.
    func small(_ path: String) throws(StoreError) -> [UInt8] {
        try contents(of: path, limit: 10 + 8 * LogSize.fileNumberLimit) ?? []
    }
}

/// Which files of a log the names of an archive's members mean.
enum LogFileNames {
    /// The type of log that has files of such names.
    static func type(of names: [String]) -> LogType {
        if names.contains(where: { $0.hasSuffix(".idx") || $0.hasSuffix(".siz") }) { return .wrap }
        if names.contains(where: { $0.hasSuffix(".gz") }) { return .rotate }
        return names.count > 1 ? .wrap : .halt
    }

    /// The members by what their names end with.
    ///
    /// - Throws: `.badArchive` for names that don't belong together.
    static func sorted(
        _ members: [TarImport.Member], as type: LogType
    ) throws(StoreError) -> [String: TarImport.Member] {
        var stem: Substring?
        var sorted: [String: TarImport.Member] = [:]
        for member in members {
            guard let found = split(member.name, type) else {
                throw .badArchive(detail: "\(member.name) is no file of a \(type.rawValue) log")
            }
            guard stem ?? found.stem == found.stem else {
                throw .badArchive(
                    detail: "\(member.name) does not belong to the log \(stem ?? "")")
            }
            stem = found.stem
            sorted[String(found.suffix)] = member
        }
        let hasData = sorted.keys.contains { $0 != ".idx" && $0 != ".siz" }
        guard type == .wrap ? hasData : sorted[""] != nil else {
            throw .badArchive(
                detail: "the archive has no file of a \(type.rawValue) log's records")
        }
        return sorted
    }

    private static func split(
        _ name: String, _ type: LogType
    ) -> (stem: Substring, suffix: Substring)? {
        switch type {
        case .halt: return (name[...], "")
        case .wrap:
            for suffix in [".idx", ".siz"] where name.hasSuffix(suffix) {
                return (name.dropLast(suffix.count), Substring(suffix))
            }
            guard let dot = name.lastIndex(of: "."),
                let number = number(name[name.index(after: dot)...]), number > 0
            else { return nil }
            return (name[..<dot], name[dot...])
        case .rotate:
            guard name.hasSuffix(".gz") else { return (name[...], "") }
            guard let dot = name.dropLast(3).lastIndex(of: "."),
                number(name[name.index(after: dot)...].dropLast(3)) != nil
            else { return nil }
            return (name[..<dot], name[dot...])
        }
    }

    /// A file's number as a log writes it.
    static func number(_ digits: Substring) -> Int? {
        guard let number = Int(digits), String(number) == digits, number >= 0,
            number < LogSize.fileNumberLimit
        else { return nil }
        return number
    }
}
