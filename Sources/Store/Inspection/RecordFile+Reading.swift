import Glibc

extension RecordFile {
    /// Gives `take` the records in order, until it returns false; constant memory but for one record.
    ///
    /// - Parameter progress: told how many bytes of `size` have been passed.
    /// - Returns: what was found as far as was read.
    package func read(
        _ request: ReadRequest = ReadRequest(), progress: @escaping (Int) -> Void = { _ in },
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) -> FileFindings {
        switch kind {
        case .log, .wrap:
            var traversal = LogTraversal(self, request, progress: progress)
            try traversal.run(take)
            return traversal.findings
        case .journal:
            var traversal = JournalTraversal(self, request, progress: progress)
            try traversal.run(take)
            return traversal.findings
        case .pool: return try readPool(request, progress, take)
        case .external: return try readBytes(request, progress, take)
        }
    }

    /// Looks at everything, and changes nothing.
    package func check(
        progress: @escaping (Int) -> Void = { _ in }
    ) throws(StoreError) -> FileFindings {
        var request = ReadRequest()
        request.wantsOperations = false
        var findings: FileFindings
        do throws(StoreError) {
            findings = try read(request, progress: progress) { _ in true }
        } catch {
            guard case .notAPool(let detail) = error else { throw error }
            findings = FileFindings()
            var part = FileFindings.Part(name: name, size: size)
            part.fault = detail
            findings.parts.append(part)
        }
        findings.users = try users(whereClosed: !findings.parts.allSatisfy(\.isClosed))
        return findings
    }

    /// Bytes of all files together.
    package var size: Int { paths.reduce(0) { $0 + Self.size(folder.absolute($1)) } }

    /// All files of records that belong to it, relative to its folder.
    var paths: [String] {
        switch kind {
        case .wrap: numbers.map { "\(name).\($0)" }
        case .journal where isFolder: numbers.map { journalDirectory.logPath($0) }
        default: [name]
        }
    }

    private static func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    private func readPool(
        _ request: ReadRequest, _ progress: @escaping (Int) -> Void,
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) -> FileFindings {
        let pool = try PoolFile(at: name, in: folder)
        var findings = FileFindings()
        findings.capacity = pool.layout.nbyte
        findings.bytes = pool.layout.tell
        findings.parts.append(.init(name: name, size: pool.poolSize))
        let reader = pool.reader
        var traversal = ByteTraversal(length: pool.layout.tell, request, progress: progress) {
            (offset, buffer) throws(StoreError) in
            try reader.read(at: PoolLayout.dataStart + offset, into: buffer)
            return buffer.count
        }
        try traversal.run(take)
        return findings
    }

    private func readBytes(
        _ request: ReadRequest, _ progress: @escaping (Int) -> Void,
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) -> FileFindings {
        let file = HeldBytes(try folder.open(name, flags: O_RDONLY))
        let size = Int(try file.file.status().st_size)
        var findings = FileFindings()
        findings.bytes = size
        findings.parts.append(.init(name: name, size: size))
        var traversal = ByteTraversal(length: size, request, progress: progress) {
            (offset, buffer) throws(StoreError) in try file.file.read(at: offset, into: buffer)
        }
        try traversal.run(take)
        return findings
    }
}

/// An open file that a closure can keep.
private final class HeldBytes {
    let file: File

    init(_ file: consuming File) { self.file = file }
}
