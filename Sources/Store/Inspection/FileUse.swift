import Glibc

extension RecordFile {
    /// Who has the files open to write, in words; asking disturbs nobody.
    ///
    /// Pools are locked with flock(2) and databases with fcntl(2). Logs of disk_log are not locked at
    /// all, so that the descriptors of processes tell, as far as the system shows them to this user.
    /// - Parameter whereClosed: whether the server of a data directory counts for its logs.
    func users(whereClosed: Bool) throws(StoreError) -> [String] {
        var users: [String] = []
        switch kind {
        case .pool:
            let parts = (try? PoolFile(at: name, in: folder).parts) ?? []
            let files = parts.isEmpty ? [folder.absolute(name)] : parts
            if files.contains(where: DirectoryUse.isLocked) {
                users.append("a process has the pool open")
            }
        case .journal:
            if let process = StubDatabase.holder(of: journalDirectory) {
                users.append("process \(process) has the database open")
            }
        case .log, .wrap, .external:
            if whereClosed, let directory = DirectoryUse.directory(of: folder.path),
                DirectoryUse.isUsed(directory)
            {
                users.append("a server uses the data directory \(directory)")
            }
        }
        return users.isEmpty ? ProcessFiles.writers(of: paths.map(folder.absolute)) : users
    }

    /// - Throws: `.locked` if somebody has the files open to write.
    func requireUnused() throws(StoreError) {
        if let user = try users(whereClosed: true).first {
            throw .locked(detail: "\(path) is in use: \(user)")
        }
    }
}

/// Which processes have files open, by what /proc shows.
enum ProcessFiles {
    private struct Inode: Hashable {
        let device: UInt
        let number: UInt
    }

    /// The processes that have one of the files open to write, in words.
    static func writers(of paths: [String]) -> [String] {
        let wanted = Set(paths.compactMap(inode))
        let own = String(getpid())
        return names(in: "/proc").filter { Int($0) != nil && $0 != own }.compactMap { process in
            let descriptors = names(in: "/proc/\(process)/fd")
            let isWriter = descriptors.contains { descriptor in
                inode("/proc/\(process)/fd/\(descriptor)").map(wanted.contains) == true
                    && isWritable("/proc/\(process)/fdinfo/\(descriptor)")
            }
            guard isWriter else { return nil }
            let name = text("/proc/\(process)/comm").split(separator: "\n").first ?? "?"
            return "process \(process) (\(name)) has it open"
        }
    }

    private static func inode(_ path: String) -> Inode? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Inode(device: status.st_dev, number: UInt(status.st_ino))
    }

    /// By the flags of open(2), which are shown in octal.
    private static func isWritable(_ path: String) -> Bool {
        let line = text(path).split(separator: "\n").first { $0.hasPrefix("flags:") }
        let flags = line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0, radix: 8) }
        return (flags ?? 0) & Int(O_ACCMODE) != Int(O_RDONLY)
    }

    private static func text(_ path: String) -> String {
        let file = try? File(path: path, name: path, flags: O_RDONLY)
        guard let bytes = try? file?.read(at: 0, count: 1024) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func names(in folder: String) -> [String] {
        (try? DataDirectory(around: folder).names(in: ".")) ?? []
    }
}
