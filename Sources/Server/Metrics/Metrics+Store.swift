import API
import Store

extension Metrics {
    func addStorage(of service: Service, to text: inout MetricsText) {
        let store = service.store
        if let free = try? store.directory.freeBytes() {
            text.add(
                "storage_free_bytes", .gauge, "Free space of the data directory.", Double(free))
        }
        text.add(
            "pools_open", .gauge, "Pools that are open.", Double(store.pools.allLoaded.count))
        text.add("logs_open", .gauge, "Logs that are open.", Double(store.logs.allLoaded.count))
        text.add(
            "journals_open", .gauge, "Journals that are open.",
            Double(store.journals.allLoaded.count))
        text.add(
            "followers", .gauge, "Streams that follow a pool, log or journal.",
            CommitKind.allCases.map { kind in
                (["kind": kind.rawValue], Double(service.followers.count(below: "/v1/\(kind)s/")))
            })
        text.add("handles", .gauge, "Handles of logs.", Double(store.logs.handles.count))
        text.add("cursors", .gauge, "Cursors of journals.", Double(store.journals.cursors.count))
        text.add(
            "cursors_expired_total", .counter, "Cursors that were not used in time.",
            Double(store.journals.cursors.expiredCount))
    }

    func addCounters(of service: Service, to text: inout MetricsText) {
        let counters = service.store.counters
        func add(_ name: String, _ counter: StoreCounters.Counter, _ help: String) {
            text.add(name, .counter, help, Double(counters[counter]))
        }
        text.add(
            "read_records_total", .counter, "Records that were read; of pools chunks of walks.",
            [
                (["kind": "pool"], Double(counters[.poolReads])),
                (["kind": "log"], Double(counters[.logReads])),
                (["kind": "journal"], Double(counters[.journalReads])),
            ])
        add("pins_expired_total", .pinsExpired, "Pins of pages that were not renewed in time.")
        add("log_repairs_total", .repairs, "Logs that had not been closed and were repaired.")
        add("log_bad_bytes_total", .badBytes, "Bytes of them that were no items.")
    }

    /// Figures of each pool, log and journal by name, if that is set; else their sums.
    func addResources(of service: Service, for call: Call, to text: inout MetricsText) {
        let byName = service.settings.metricsPerResource
        func named(
            _ kind: String, _ all: [(name: String, value: Double)]
        ) -> [([String: String], Double)] {
            all.filter { call.covers(kind, $0.name) }.sorted { $0.name < $1.name }
                .map { (["name": $0.name], $0.value) }
        }
        func values(
            _ kind: String, _ all: [(name: String, value: Double)]
        ) -> [([String: String], Double)] {
            byName ? named(kind, all) : [([:], all.reduce(0) { $0 + $1.value })]
        }
        let pools = service.store.pools.allLoaded
        text.add(
            "pool_used_bytes", .gauge, "Bytes in open pools.",
            values("pools", pools.map { ($0.name, Double($0.view.tell)) }))
        text.add(
            "pool_capacity_bytes", .gauge, "Bytes that open pools can hold.",
            values("pools", pools.map { ($0.name, Double($0.nbyte)) }))
        let logs = service.store.logs.allLoaded.map { ($0.name, $0.view.figures) }
        text.add(
            "log_items", .gauge, "Items in open logs.",
            values("logs", logs.map { ($0.0, Double($0.1.items)) }))
        // A sum would fall when a log is closed.
        if byName {
            text.add(
                "log_overflows_total", .counter, "How often a log went on to its next file.",
                named("logs", logs.map { ($0.0, Double($0.1.overflows)) }))
        }
        let now = WallClock.nowMilliseconds
        let holds = service.store.journals.allLoaded.map { journal in
            (journal.name, journal.holds.current.since.map { Double(max(0, now - $0)) / 1000 } ?? 0)
        }
        text.add(
            "journal_archive_hold_seconds", .gauge,
            "For how long readers have kept files from being archived; the longest.",
            byName ? named("journals", holds) : [([:], holds.map(\.1).max() ?? 0)])
    }
}
