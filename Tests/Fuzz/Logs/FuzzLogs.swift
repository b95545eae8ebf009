import Glibc
import Store

/// What libFuzzer calls with each input; a trap or a slow answer is a finding.
///
/// The first byte says what the rest is: a file of internal format, to be repaired or read as it is;
/// index, size file, both slots of a place, or the note of a ring that holds three files.
///
/// `swift build -c release --sanitize=fuzzer -Xswiftc -DFUZZER --product FuzzLogs` builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLogs(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0, let kind = Target(rawValue: Int(start[0]) % Target.allCases.count)
    else { return 0 }
    Rig.shared.run(kind, [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1)))
    return 0
}

enum Target: Int, CaseIterable {
    case repaired, closed, readOnly, index, size, place, note
}

/// A data directory with one log, which every input damages anew.
final class Rig: @unchecked Sendable {
    static let shared = Rig()

    private let path: String
    private let store: Store
    private let ring: [(name: String, bytes: [UInt8])]
    private let header: [UInt8] = [1, 2, 3, 4, 6, 7, 8, 9]

    private init() {
        let folder = getenv("TIDEMARK_FUZZ_DATA").map { String(cString: $0) } ?? "/dev/shm"
        path = "\(folder)/tidemark-fuzz-\(getpid())/1/2/3/4"
        guard let store = try? Store(path: path) else { fatalError("no data directory at \(path)") }
        self.store = store
        let item: [UInt8] = [0, 0, 0, 3, 0x62, 0x57, 0x4C, 0x41, 131, 97, 7]
        let closed: [UInt8] = [1, 2, 3, 4, 99, 88, 77, 11]
        ring = [
            ("logs/l.LOG.1", closed + item), ("logs/l.LOG.2", header + item + item),
            ("logs/l.LOG.3", closed + item),
            ("logs/l.LOG.siz", [2, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 3]),
            (
                "logs/l.LOG.idx",
                [0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
                    + [0, 0, 0, 0, 0, 0, 0, 1]
            ),
        ]
    }

    func run(_ target: Target, _ bytes: [UInt8]) {
        clear()
        var options = LogOptions()
        switch target {
        case .repaired: write("logs/l.LOG", header + bytes)
        case .closed: write("logs/l.LOG", [1, 2, 3, 4, 99, 88, 77, 11] + bytes)
        case .readOnly:
            write("logs/l.LOG", bytes)
            options.mode = .readOnly
        case .index: useRing(&options, "logs/l.LOG.idx", bytes)
        case .size: useRing(&options, "logs/l.LOG.siz", bytes)
        case .place: useRing(&options, ".tidemark/places/l", bytes)
        case .note: useRing(&options, ".tidemark/logs/l", bytes)
        }
        options.quiet = true
        use(options)
        if target == .readOnly { precondition(read("logs/l.LOG") == bytes) }
    }

    private func useRing(_ options: inout LogOptions, _ name: String, _ bytes: [UInt8]) {
        for file in ring { write(file.name, file.bytes) }
        write(name, bytes)
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

    // MARK: - Files

    private func clear() {
        for folder in ["logs", ".tidemark/logs", ".tidemark/places", ".tidemark/new"] {
            for name in (try? store.directory.names(in: folder)) ?? [] {
                unlink("\(path)/\(folder)/\(name)")
            }
        }
    }

    private func write(_ name: String, _ bytes: [UInt8]) {
        unlink("\(path)/\(name)")
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o640)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    private func read(_ name: String) -> [UInt8] {
        let file = open("\(path)/\(name)", O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(file, &bytes, bytes.count)
        close(file)
        return Array(bytes[..<max(0, count)])
    }
}
