import API
import Store

// Buffer pools as JSON.

extension OpenMPool {
    /// The options in force, and what is in the pool.
    var json: JSONValue {
        let settings = settings
        let mode = String(settings.mode ?? 0o640, radix: 8)
        let statistics = try? pool.statistics()
        return [
            "name": .string(name), "state": "open",
            "cachesize": .integer(settings.cacheSize ?? 0),
            "mmapsize": .integer(settings.mmapSize ?? 0),
            "mode": .string(String(repeating: "0", count: 4 - min(mode.count, 4)) + mode),
            "private": .bool(settings.isPrivate ?? false),
            "nommap": .bool(settings.noMmap ?? false),
            "logging": .bool(settings.logging ?? false),
            "journal": settings.journal.map(JSONValue.string) ?? .null,
            "max_pinned_pct": .integer(settings.maxPinnedPercent ?? 0),
            "policy": .string(settings.policy?.rawValue ?? ""),
            "max_write": pool.pacing.withLock { pacing in
                [
                    "writes": .integer(pacing.writes),
                    "sleep_us": .integer(pacing.sleepMicroseconds),
                ]
            },
            "pages": .integer(statistics?.pages ?? 0),
            "dirty_pages": .integer(statistics?.dirtyPages ?? 0),
            "files": .integer(allFiles.count), "pins": .integer(leases.count),
        ]
    }

    /// A handle with its options, and the figures of its file.
    func json(_ name: String, _ file: PageFile) throws(StoreError) -> JSONValue {
        let options = file.options
        let figures = try pool.statistics().files.first { $0.name == options.name }
        let counts =
            figures
            ?? .init(
                name: options.name ?? "", pageSize: options.pageSize, counts: file.counts)
        return [
            "file": .string(name), "path": options.name.map(JSONValue.string) ?? .null,
            "private": .bool(options.name == nil), "ftype": .integer(options.fileType),
            "pagesize": .integer(options.pageSize), "lsn_offset": .integer(options.lsnOffset),
            "rdonly": .bool(options.readOnly), "nommap": .bool(options.noMmap),
            "oddsize": .bool(options.oddSize),
            "priority": .string(options.priority.rawValue), "inmemory": .bool(options.inMemory),
            "readahead": .integer(options.readAhead),
            "maxpages": .integer(Int(options.maxPages)),
            "clear_len": options.clearLength.map(JSONValue.integer) ?? .null,
            "pgcookie": options.cookie.map { JSONValue(page: $0) } ?? .null,
            "uid": options.uid.map { .string($0.map(Self.hex).joined()) } ?? .null,
            "stat": counts.json,
        ]
    }

    private static func hex(_ byte: UInt8) -> String {
        String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
}

extension MPoolStatistics {
    var json: JSONValue {
        let rest: JSONValue = [
            "st_ro_evict": .integer(cleanEvicted), "st_rw_evict": .integer(dirtyEvicted),
            "st_hash_buckets": .integer(hashBuckets), "st_hash_searches": .integer(hashSearches),
            "st_hash_longest": .integer(hashLongest), "st_hash_examined": .integer(hashExamined),
            "st_page_clean": .integer(cleanPages), "st_page_dirty": .integer(dirtyPages),
            "st_pages": .integer(pages), "st_page_trickle": .integer(trickled),
            "st_region_wait": .integer(lockWaits), "st_region_nowait": .integer(lockTaken),
        ]
        let global: [JSONValue.Member] =
            [.init(name: "st_cachesize", value: .integer(cacheSize))] + counts.json.members
            + rest.members
        return ["global": .object(global), "files": .array(files.map(\.json))]
    }
}

extension MPoolStatistics.OfFile {
    var json: JSONValue {
        .object(
            [
                .init(name: "file_name", value: .string(name)),
                .init(name: "st_pagesize", value: .integer(pageSize)),
            ] + counts.json.members)
    }
}

extension PageFileCounts {
    var json: JSONValue {
        [
            "st_cache_hit": .integer(hits), "st_cache_miss": .integer(misses),
            "st_map": .integer(mapped), "st_page_create": .integer(created),
            "st_page_in": .integer(read), "st_page_out": .integer(written),
        ]
    }
}

extension PageLeases.Info {
    var json: JSONValue {
        [
            "pin": .string(id), "file": .string(file), "pgno": .integer(Int(pgno)),
            "mode": .string(mode.rawValue), "dirty": .bool(isDirty),
            "since": .string(WallClock.text(ofMilliseconds: since)),
            "expires_at": .string(WallClock.text(ofMilliseconds: expiresAt)),
        ]
    }

    /// What fput and fset answer.
    var used: JSONValue {
        ["pin": .string(id), "pgno": .integer(Int(pgno)), "dirty": .bool(isDirty)]
    }
}

extension ClosedPages {
    var json: JSONValue {
        [
            "pins_dropped": .integer(pinsDropped),
            "dirty_pages_dropped": .integer(dirtyPagesDropped),
        ]
    }
}

extension JSONValue {
    /// A page, or other bytes, as `{"b64": "..."}`.
    init(page: [UInt8]) {
        var text: [UInt8] = []
        page.withUnsafeBytes { Base64.encode($0, to: &text) }
        self = ["b64": .string(String(decoding: text, as: UTF8.self))]
    }
}
