// What the files of a log are at one moment, under the names that they have beside each other.

extension LogWriter {
    /// The name of a file of the log without its folder.
    fileprivate func exportedName(_ suffix: String) -> String {
        (setting.base.split(separator: "/").last.map(String.init) ?? "") + suffix
    }

    /// The file that is written, or that another program writes.
    fileprivate func current(_ suffix: String) throws(StoreError) -> ExportedFile {
        let file = try HeldFile(appender.file.path, in: setting.directory)
        // What others write may not be at rest, and is not ours to call closed.
        let isOurs = setting.mode == .readWrite
        return ExportedFile(
            name: exportedName(suffix),
            content: .file(
                file, size: isOurs ? appender.file.end : file.size,
                closed: isOurs && setting.format == .internal))
    }

    /// A file that is not written any more; nil if there is none.
    fileprivate func other(_ suffix: String) throws(StoreError) -> ExportedFile? {
        let path = setting.base + suffix
        guard setting.directory.exists(path) else { return nil }
        let file = try HeldFile(path, in: setting.directory)
        return ExportedFile(
            name: exportedName(suffix), content: .file(file, size: file.size, closed: false))
    }
}

extension HaltWriter {
    func exportedFiles() throws(StoreError) -> [ExportedFile] { [try current("")] }
}

extension RingWriter {
    func exportedFiles() throws(StoreError) -> [ExportedFile] {
        var files: [ExportedFile] = []
        if setting.mode == .readWrite {
            var closed = index
            closed[closed.current] = appender.records
            files = [
                ExportedFile(name: exportedName(".idx"), content: .bytes(closed.encoded)),
                ExportedFile(name: exportedName(".siz"), content: .bytes(sizeFile.encoded)),
            ]
        } else {
            for suffix in [".idx", ".siz"] {
                if let file = try other(suffix) { files.append(file) }
            }
        }
        for number in map.order {
            if number == index.current {
                files.append(try current(".\(number)"))
            } else if let file = try other(".\(number)") {
                files.append(file)
            }
        }
        return files
    }
}

extension RotateWriter {
    func exportedFiles() throws(StoreError) -> [ExportedFile] {
        try finishArchives()
        var files = [try current("")]
        for number in 0..<archiveCount {
            if let file = try other(".\(number).gz") { files.append(file) }
        }
        return files
    }
}
