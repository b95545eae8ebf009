import Glibc
import Store
import TestSupport

/// What the first byte of an input makes of the rest.
///
/// A file of internal format, to be repaired or read as it is; of a ring that holds three files the
/// index, the size file, both slots of its place, or its note.
enum Target: Int, CaseIterable {
    case repaired, closed, readOnly, index, size, place, note
}

/// A data directory with one log, which every input damages anew.
final class LogRig: @unchecked Sendable {
    // Sendable because libFuzzer calls from one thread.
    static let shared = LogRig()

    private let folder = FuzzFolder()
    private let store: Store

    private init() {
        guard let store = try? Store(path: folder.path) else {
            fatalError("no data directory at \(folder.path)")
        }
        self.store = store
    }

    func run(_ target: Target, _ bytes: [UInt8]) {
        clear()
        var options = LogOptions()
        switch target {
        case .repaired: folder.write("logs/l.LOG", LogBytes.opened + bytes)
        case .closed: folder.write("logs/l.LOG", LogBytes.closed + bytes)
        case .readOnly:
            folder.write("logs/l.LOG", bytes)
            options.mode = .readOnly
        case .index: useRing(&options, "logs/l.LOG.idx", bytes)
        case .size: useRing(&options, "logs/l.LOG.siz", bytes)
        case .place: useRing(&options, ".tidemark/places/l", bytes)
        case .note: useRing(&options, ".tidemark/logs/l", bytes)
        }
        options.quiet = true
        use(options)
        if target == .readOnly { precondition(folder.read("logs/l.LOG") == bytes) }
    }

    private func useRing(_ options: inout LogOptions, _ name: String, _ bytes: [UInt8]) {
        for file in LogBytes.ring { folder.write(file.name, file.bytes) }
        folder.write(name, bytes)
        options.type = .wrap
        options.size = .files(maxBytes: 40, maxFiles: 3)
    }

    /// Opens, reads everything, logs one more, moves on, and does it again.
    private func use(_ options: LogOptions) {
        for _ in 0..<2 {
            guard let log = try? store.logs.open("l", options, for: .service).log else { return }
            readAll(log)
            let view = log.view
            precondition(view.oldest >= 0 && view.oldest <= view.position)
            _ = try? store.logs.close("l", by: .service)
            precondition(store.logs.loaded("l") == nil)
        }
    }

    private func readAll(_ log: DiskLog) {
        for mustDecode in [false, true] {
            guard var cursor = try? log.oldestCursor() else { return }
            var steps = 0
            while let chunk = try? log.chunk(
                from: cursor, ChunkRequest(limit: 3, mustDecode: mustDecode)), !chunk.isEnd
            {
                precondition(chunk.next != cursor, "it does not move on")
                cursor = chunk.next
                steps += 1
                precondition(steps < 100_000, "it does not end")
            }
        }
        _ = try? log.check()
    }

    private func clear() {
        for name in ["logs", ".tidemark/logs", ".tidemark/places", ".tidemark/new"] {
            folder.clear(name)
        }
    }
}

/// Bytes of logs' files that inputs are put among.
enum LogBytes {
    static let opened: [UInt8] = [1, 2, 3, 4, 6, 7, 8, 9]
    static let closed: [UInt8] = [1, 2, 3, 4, 99, 88, 77, 11]
    private static let item: [UInt8] = [0, 0, 0, 3, 0x62, 0x57, 0x4C, 0x41, 131, 97, 7]

    /// A ring of three files, the second of which is open.
    static let ring: [(name: String, bytes: [UInt8])] = [
        ("logs/l.LOG.1", closed + item), ("logs/l.LOG.2", opened + item + item),
        ("logs/l.LOG.3", closed + item),
        ("logs/l.LOG.siz", [2, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 3]),
        (
            "logs/l.LOG.idx",
            [0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
                + [0, 0, 0, 0, 0, 0, 0, 1]
        ),
    ]
}
