import Glibc
import Store

/// What libFuzzer calls with each input; a trap or a slow answer is a finding.
///
/// The first byte says what the rest is: the body of one record, or of a file: a log file as it is, or with the checksums of its records
/// put right; the body of one record; a record of a compressed journal; the newest file of a journal
/// that is opened to be written; its mark; its note.
///
/// `swift build -c release --sanitize=fuzzer -Xswiftc -DFUZZER --product FuzzJournals` builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournals(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
    // Files take time: most inputs go to what needs none.
    guard let kind = Target(rawValue: Int(start[0])) else {
        decode(bytes)
        return 0
    }
    Rig.shared.run(kind, bytes)
    return 0
}

/// All rows of a record with that body.
private func decode(_ body: [UInt8]) {
    var rows = RecordRows(body: body, lsn: LSN(file: 1, offset: 256))
    var count = 0
    while let row = try? rows.next() {
        _ = (row.key, row.value, row.decoded, row.raw)
        count += 1
        precondition(count <= body.count + 1, "it does not end")
    }
}

enum Target: Int, CaseIterable {
    case file, mended, body, snappy, zlib, written, mark, note
}

/// A data directory with one journal, which every input damages anew.
final class Rig: @unchecked Sendable {
    // Sendable because libFuzzer calls from one thread.
    static let shared = Rig()

    private let path: String
    private let store: Store
    private let head: [UInt8]
    private static let log = "journals/j/WiredTigerLog.0000000001"

    private init() {
        let folder = getenv("TIDEMARK_FUZZ_DATA").map { String(cString: $0) } ?? "/dev/shm"
        path = "\(folder)/tidemark-fuzz-\(getpid())/1/2/3/4"
        guard let store = try? Store(path: path) else { fatalError("no data directory at \(path)") }
        self.store = store
        var options = JournalOptions()
        options.fileMax = 102_400
        options.prealloc = false
        _ = try? store.journals.open("head", options)
        try? store.journals.close("head")
        head = Self.read(path + "/journals/head/WiredTigerLog.0000000001")
        try? store.journals.delete("head", keepFiles: false)
    }

    func run(_ target: Target, _ bytes: [UInt8]) {
        clear()
        var options = JournalOptions()
        options.mode = .readOnly
        options.fileMax = 102_400
        options.prealloc = false
        switch target {
        case .file: write(Self.log, bytes)
        case .mended: write(Self.log, Self.mended(head + bytes))
        case .body: write(Self.log, head + Self.record(bytes))
        case .snappy, .zlib:
            options.compressor = target == .snappy ? .snappy : .zlib
            write(Self.log, Self.mended(head + bytes))
        case .written:
            options.mode = .readWrite
            write(Self.log, Self.mended(head + bytes))
        case .mark, .note:
            options.mode = .readWrite
            write(Self.log, head)
            write(target == .mark ? ".tidemark/marks/j" : ".tidemark/journals/j", bytes)
            if target == .note { options = JournalOptions() }
        }
        let before = Self.read("\(path)/\(Self.log)")
        for _ in 0..<2 {
            guard let journal = try? store.journals.open("j", options).journal else { break }
            readAll(journal)
            if !journal.isReadOnly { append(to: journal) }
            try? store.journals.close("j")
        }
        if options.mode == .readOnly { precondition(Self.read("\(path)/\(Self.log)") == before) }
    }

    /// Every row, forwards and backwards, and a search at each place.
    private func readAll(_ journal: Journal) {
        var cursor = journal.openCursor()
        defer { journal.release() }
        var rows = 0
        while let row = try? cursor.next() {
            _ = (row.key, row.value, row.decoded, row.raw)
            rows += 1
            precondition(rows < 100_000, "it does not end")
        }
        for block in 0..<40 {
            _ = try? cursor.search(LSN(file: 1, offset: UInt32(block * 128)))
            _ = try? cursor.next()
        }
        if var walk = try? journal.openWalk(from: nil, to: nil, backwards: true) {
            defer { journal.release() }
            while (try? walk.next()) != nil {
                rows -= 1
                precondition(rows > -100_000, "it does not end")
            }
        }
    }

    private func append(to journal: Journal) {
        var bytes: [UInt8] = []
        var tally = RecordTally()
        RecordEncoder().append(body: RecordBody.message("more".utf8), to: &bytes, &tally)
        let done = Locked(false)
        let append = Append(bytes: bytes, lengths: [bytes.count])
        guard
            (try? journal.append(
                append, tally,
                complete: { _ in
                    done.withLock { $0 = true }
                    done.wakeAll()
                })) != nil
        else { return }
        done.whenReady({ $0 }) { _ in }
    }

    // MARK: - Records

    /// A record with that body, whatever it is.
    private static func record(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var tally = RecordTally()
        RecordEncoder().append(body: body, to: &bytes, &tally)
        return bytes
    }

    /// The file with the checksums of its records put right, as far as their lengths lead.
    private static func mended(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var place = 256
        while place + 16 <= file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[place + $1]) << (8 * $1) }
            guard length >= 16, place + length <= file.count else { break }
            for index in 4..<8 { file[place + index] = 0 }
            let sum = file[place..<place + length].withUnsafeBytes { CRC32C.checksum(of: $0) }
            for index in 0..<4 {
                file[place + 4 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index)))
            }
            place += (length + 127) / 128 * 128
        }
        return file
    }

    // MARK: - Files

    private func clear() {
        for folder in ["journals/j", ".tidemark/journals", ".tidemark/marks", ".tidemark/new"] {
            for name in (try? store.directory.names(in: folder)) ?? [] {
                unlink("\(path)/\(folder)/\(name)")
            }
        }
        mkdir("\(path)/journals/j", 0o750)
    }

    private func write(_ name: String, _ bytes: [UInt8]) {
        unlink("\(path)/\(name)")
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o640)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    private static func read(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(file, &bytes, bytes.count)
        close(file)
        return Array(bytes[..<max(0, count)])
    }
}
