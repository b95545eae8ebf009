import Glibc
import Store

/// One run of a trace on a pool of ours.
final class Replay {
    /// A pin that has a name.
    private final class Slot {
        var pin: PagePin
        init(_ pin: consuming PagePin) { self.pin = pin }
    }

    private let folder: String
    private let isShared: Bool
    private let policy: ReplacementPolicy
    private var pool: MPool?
    private var handles: [String: PageFile] = [:]
    private var slots: [String: Slot] = [:]
    private var events: [String] = []
    private var lineNumber = 0

    init(folder: String, isShared: Bool, policy: ReplacementPolicy) {
        self.folder = folder
        self.isShared = isShared
        self.policy = policy
    }

    func run(line: String) throws(StoreError) {
        lineNumber += 1
        let text = line.prefix { $0 != "#" }
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let operation = words.first else { return }
        do throws(StoreError) {
            try run(operation, TraceWords(Array(words.dropFirst())))
        } catch {
            let more = operation == "trickle" ? ", \"wrote\": 0" : ""
            note(operation, errnoName(error.errnoOfMPool), more)
        }
    }

    func result() throws(StoreError) -> String {
        let pool = try opened()
        let statistics = try pool.statistics()
        let files = statistics.files.map { file in
            "\"\(file.name)\": {\"st_pagesize\": \(file.pageSize), \(json(file.counts))}"
        }
        let filters = pool.filterCalls.map { type, calls in
            "\"\(type)\": {\"pgin\": \(calls.pgin), \"pgout\": \(calls.pgout)}"
        }
        return """
            {"engine": "tidemark", "events": [\(events.joined(separator: ",\n"))],
            "stat": \(json(statistics)),
            "fstat": {\(files.joined(separator: ", "))},
            "filters": {\(filters.joined(separator: ", "))}}
            """
    }

    private func run(_ operation: String, _ words: TraceWords) throws(StoreError) {
        switch operation {
        case "pool": pool = try MPool.open(folder, poolOptions(words))
        case "mkfile": try makeFile(words)
        case "register":
            try opened().register(fileType: words.number(0), traceFilter(words[1]))
        case "fopen": handles[words[0]] = try opened().open(fileOptions(words))
        case "fclose":
            try handle(words).close()
            handles[words[0]] = nil
        case "get": try get(words)
        case "put", "set", "stamp", "fill", "lsn", "peek": try use(operation, words)
        case "a":
            var pin = try handle(words).get(.existing(UInt32(words.number(1))))
            try pin.put()
        case "w": try write(words)
        case "fsync":
            let result = try handle(words).sync()
            note(operation, result == .complete ? "OK" : "DB_INCOMPLETE")
        case "sync": try sync(words)
        case "trickle":
            let written = try opened().trickle(percent: words.number(0))
            note(operation, "OK", ", \"wrote\": \(written)")
        case "stat":
            note(operation, "OK", ", \"stat\": \(json(try opened().statistics()))")
        default:
            print("line \(lineNumber): unknown operation \(operation)")
            exit(2)
        }
    }

    private func opened() throws(StoreError) -> MPool {
        guard let pool else { throw .mpool(.closed) }
        return pool
    }

    private func handle(_ words: TraceWords, _ place: Int = 0) throws(StoreError) -> PageFile {
        guard let handle = handles[words[place]] else { throw .mpool(.closed) }
        return handle
    }

    private func note(_ operation: String, _ result: String, _ more: String = "") {
        events.append(
            "{\"line\": \(lineNumber), \"op\": \"\(operation)\", \"rc\": \"\(result)\"\(more)}")
    }

    // MARK: Operations

    private func poolOptions(_ words: TraceWords) -> MPoolOptions {
        var options = MPoolOptions()
        options.isPrivate = !isShared
        options.create = true
        options.policy = policy
        options.cacheSize = words.number("cachesize") ?? options.cacheSize
        options.mmapSize = words.number("mmapsize") ?? options.mmapSize
        options.noMmap = words.has("nommap")
        // Traces keep to LSNs that are in the log; the rule itself has tests of its own.
        if words.number("log") != nil { options.log = .external }
        return options
    }

    private func fileOptions(_ words: TraceWords) -> PageFileOptions {
        var options = PageFileOptions()
        if words[1] != "-" {
            options.name = words[1]
            options.path = folder + "/" + words[1]
        }
        options.pageSize = words.number("pagesize") ?? 0
        options.create = words.has("create")
        options.readOnly = words.has("rdonly")
        options.noMmap = words.has("nommap")
        options.fileType = words.number("ftype") ?? 0
        options.lsnOffset = words.number("lsn") ?? -1
        options.cookie = words.value("cookie").map(bytes(ofHex:))
        options.clearLength = words.number("clear")
        options.maxPages = UInt32(words.number("maxpages") ?? 0)
        options.uid = words.value("id").map { text in
            Array((Array(text.utf8) + [UInt8](repeating: 0, count: 20)).prefix(20))
        }
        return options
    }

    private func makeFile(_ words: TraceWords) throws(StoreError) {
        let size = words.number("pagesize") ?? 512
        let file = try File(
            path: folder + "/" + words[0], name: words[0], flags: O_WRONLY | O_CREAT | O_TRUNC)
        for page in 0..<UInt64(words.number("pages") ?? 0) {
            let second = words.has("zero") ? 0 : page &* 0x9E37_79B9_7F4A_7C15
            let unit = littleEndian(page) + littleEndian(second)
            var bytes: [UInt8] = []
            while bytes.count < size {
                bytes +=
                    words.has("zero") && !bytes.isEmpty ? [UInt8](repeating: 0, count: 16) : unit
            }
            try file.write(bytes, at: Int(page) * size)
        }
        if let extra = words.number("extra") {
            try file.truncate(to: size * (words.number("pages") ?? 0) + extra)
        }
    }

    private func get(_ words: TraceWords) throws(StoreError) {
        let request: WantedPage
        if words.has("new") {
            request = .new
        } else if words.has("last") {
            request = .last
        } else {
            let pgno = UInt32(words.number(2))
            request = words.has("create") ? .create(pgno) : .existing(pgno)
        }
        let slot = Slot(try handle(words, 1).get(request))
        slots[words[0]] = slot
        if words.has("new") || words.has("last") {
            note("get", "OK", ", \"pgno\": \(slot.pin.pgno)")
        }
    }

    private func use(_ operation: String, _ words: TraceWords) throws(StoreError) {
        guard let slot = slots[words[0]] else { return note(operation, "NOPIN") }
        switch operation {
        case "put":
            try slot.pin.put(flags(words))
            slots[words[0]] = nil
        case "set": try slot.pin.set(flags(words))
        case "stamp": try stamp(slot, UInt64(words.number(1)))
        case "fill":
            try slot.pin.withBytes { page in
                let offset = words.count > 2 ? words.number(2) : 0
                let count = words.count > 3 ? words.number(3) : page.count
                for place in offset..<offset + count {
                    page[place] = UInt8(truncatingIfNeeded: words.number(1))
                }
            }
        case "lsn":
            let offset = slot.pin.file.options.lsnOffset
            try slot.pin.withBytes { page in
                let bytes =
                    littleEndian(UInt32(words.number(1))) + littleEndian(UInt32(words.number(2)))
                for (place, byte) in bytes.enumerated() { page[offset + place] = byte }
            }
        default:
            let hex = try slot.pin.withBytes { page in
                page[words.number(1)..<words.number(1) + words.number(2)].map { byte in
                    let text = String(byte, radix: 16)
                    return byte < 16 ? "0" + text : text
                }.joined()
            }
            note("peek", "OK", ", \"hex\": \"\(hex)\"")
        }
    }

    private func flags(_ words: TraceWords) -> PageFlags {
        var flags: PageFlags = []
        if words.has("clean") { flags.insert(.clean) }
        if words.has("dirty") { flags.insert(.dirty) }
        if words.has("discard") { flags.insert(.discard) }
        return flags
    }

    private func stamp(_ slot: Slot, _ value: UInt64) throws(StoreError) {
        let bytes = littleEndian(value) + littleEndian(slot.pin.pgno)
        try slot.pin.withBytes { page in
            for (place, byte) in bytes.enumerated() { page[16 + place] = byte }
        }
    }

    private func write(_ words: TraceWords) throws(StoreError) {
        let file = try handle(words)
        let slot = Slot(try file.get(.create(UInt32(words.number(1)))))
        if !file.options.readOnly { try stamp(slot, UInt64(words.number(2))) }
        do throws(StoreError) {
            try slot.pin.put(.dirty)
        } catch {
            try slot.pin.put()
            throw error
        }
    }

    private func sync(_ words: TraceWords) throws(StoreError) {
        let lsn =
            words.count > 1
            ? LSN(file: UInt32(words.number(0)), offset: UInt32(words.number(1))) : nil
        let (result, written) = try opened().sync(lsn)
        guard result == .complete else { return note("sync", "DB_INCOMPLETE") }
        let more = written.map { ", \"lsn\": [\($0.file), \($0.offset)]" } ?? ""
        note("sync", "OK", more)
    }

    // MARK: Figures

    private func json(_ counts: PageFileCounts) -> String {
        "\"st_cache_hit\": \(counts.hits), \"st_cache_miss\": \(counts.misses), "
            + "\"st_map\": \(counts.mapped), \"st_page_create\": \(counts.created), "
            + "\"st_page_in\": \(counts.read), \"st_page_out\": \(counts.written)"
    }

    private func json(_ statistics: MPoolStatistics) -> String {
        "{\"st_cachesize\": \(statistics.cacheSize), \"st_pages\": \(statistics.pages), "
            + json(statistics.counts)
            + ", \"st_ro_evict\": \(statistics.cleanEvicted)"
            + ", \"st_rw_evict\": \(statistics.dirtyEvicted)"
            + ", \"st_page_trickle\": \(statistics.trickled)"
            + ", \"st_hash_searches\": \(statistics.hashSearches)"
            + ", \"st_page_clean\": \(statistics.cleanPages)"
            + ", \"st_page_dirty\": \(statistics.dirtyPages)}"
    }
}
