import Glibc

/// Goes through the items of a log's files, from the oldest on.
struct LogTraversal {
    let file: RecordFile
    let request: ReadRequest
    let progress: (Int) -> Void
    private(set) var findings = FileFindings()
    private var position = 0
    private var bytesBefore = 0
    private var isStopped = false

    init(_ file: RecordFile, _ request: ReadRequest, progress: @escaping (Int) -> Void) {
        self.file = file
        self.request = request
        self.progress = progress
    }

    mutating func run(
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        guard file.kind == .wrap else {
            return try read(file.name, number: nil, take)
        }
        for number in file.numbers where !isStopped {
            try read("\(file.name).\(number)", number: Int(number), take)
        }
        if !isStopped { try compareIndex() }
    }

    private mutating func read(
        _ name: String, number: Int?, _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        let log = try LogFile.open(name, format: .internal, mode: .readOnly, in: file.folder)
        var part = FileFindings.Part(name: name, size: log.end)
        defer {
            findings.parts.append(part)
            bytesBefore += log.end
        }
        do throws(StoreError) {
            part.isClosed = try log.mark() == .closed
        } catch {
            guard case .log(.notALogFile) = error else { throw error }
            part.isClosed = false
            return part.blame(
                "it does not begin as the file of an internal log does", at: 0, badBytes: log.end)
        }
        var scan = LogScan()
        try scan.run(log, end: log.end) { (item) throws(StoreError) in
            progress(bytesBefore + item.end)
            if position >= request.from {
                let found = FoundRecord(
                    position: position, file: number, offset: item.offset,
                    content: .term(item.term))
                guard try take(found) else {
                    isStopped = true
                    return false
                }
            }
            position += 1
            findings.bytes += item.term.count
            return true
        }
        part.records = scan.items
        if let first = scan.firstBad {
            part.blame("bytes that are no item", at: first, badBytes: scan.badBytes)
        }
    }

    /// Holds the index of a ring against its files.
    private mutating func compareIndex() throws(StoreError) {
        guard case .whole(let index) = try RingFiles(file.name, in: file.folder).index else {
            return findings.faults.append(
                "its index \(RingIndex.path(file.name)) is missing or damaged: which file is the "
                    + "newest can't be told")
        }
        for (number, part) in zip(file.numbers, findings.parts) where part.isClosed {
            let told = index[Int(number)]
            if told != part.records, told > 0 || number != index.current {
                findings.faults.append(
                    "its index gives \(part.name) \(told) items; it has \(part.records)")
            }
        }
    }
}
