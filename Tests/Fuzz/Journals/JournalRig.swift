import Glibc
import Store
import TestSupport

/// What the first byte of an input that is opened makes of the rest.
///
/// A log file as it is, or behind a whole head with the checksums of its records put right; the body
/// of one record; a record of a compressed journal; the newest file of a journal that is opened to be
/// written; its mark; its note.
enum Target: Int, CaseIterable {
    case file, mended, body, snappy, zlib, written, mark, note
}

/// A data directory with one journal, which every input damages anew.
final class JournalRig: @unchecked Sendable {
    // Sendable because libFuzzer calls from one thread.
    static let shared = JournalRig()

    private let folder = FuzzFolder()
    private let store: Store
    private let head: [UInt8]
    private static let log = "journals/j/WiredTigerLog.0000000001"

    private init() {
        guard let store = try? Store(path: folder.path) else {
            fatalError("no data directory at \(folder.path)")
        }
        self.store = store
        head = JournalBytes.head(of: store, in: folder)
    }

    func run(_ target: Target, _ bytes: [UInt8]) {
        clear()
        var options = JournalOptions()
        options.mode = .readOnly
        options.fileMax = 102_400
        options.prealloc = false
        switch target {
        case .file: folder.write(Self.log, bytes)
        case .mended: folder.write(Self.log, JournalBytes.mended(head + bytes))
        case .body: folder.write(Self.log, head + JournalBytes.record(bytes))
        case .snappy, .zlib:
            options.compressor = target == .snappy ? .snappy : .zlib
            folder.write(Self.log, JournalBytes.mended(head + bytes))
        case .written:
            options.mode = .readWrite
            folder.write(Self.log, JournalBytes.mended(head + bytes))
        case .mark, .note:
            options.mode = .readWrite
            folder.write(Self.log, head)
            folder.write(target == .mark ? ".tidemark/marks/j" : ".tidemark/journals/j", bytes)
            // The note says the rest, but for what would write files full of zeros.
            if target == .note {
                options = JournalOptions()
                options.prealloc = false
            }
        }
        let before = folder.read(Self.log)
        // What is written comes back when it is opened again.
        for _ in 0..<(options.mode == .readOnly ? 1 : 2) {
            guard let journal = try? store.journals.open("j", options).journal else { break }
            readAll(journal)
            if !journal.isReadOnly { append(to: journal) }
            try? store.journals.close("j")
        }
        if options.mode == .readOnly { precondition(folder.read(Self.log) == before) }
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
        for block in [0, 1, 2, 3, 5, 8, 800] {
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

    private func clear() {
        for name in ["journals", ".tidemark/journals", ".tidemark/marks", ".tidemark/new"] {
            folder.clear(name)
        }
        mkdir("\(folder.path)/journals/j", 0o750)
    }
}
