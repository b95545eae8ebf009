import Store

extension Metrics {
    /// The figures of buffer pools: the service's own, and those of clients together or by name.
    ///
    /// Waits for the pools' locks, which other processes may hold.
    func addMPools(of service: Service, for call: Call, to text: inout MetricsText) {
        let open = service.store.mpools.allLoaded
        var sums: [(labels: [String: String], sum: MPoolStatistics)] = []
        let groups =
            service.settings.metricsPerResource
            ? open.filter { call.covers("mpools", $0.name) }.map { ($0.name, [$0]) }
            : [
                ("service", open.filter { $0.name == MPools.service }),
                ("clients", open.filter { $0.name != MPools.service }),
            ]
        for (name, pools) in groups {
            let sum = pools.reduce(into: MPoolStatistics()) { sum, pool in
                if let figures = try? pool.pool.statistics() { sum += figures }
            }
            sums.append((["name": name], sum))
        }
        func values(_ value: (MPoolStatistics) -> Int) -> [([String: String], Double)] {
            sums.map { ($0.labels, Double(value($0.sum))) }
        }
        func states(
            _ first: (String, (MPoolStatistics) -> Int),
            _ second: (String, (MPoolStatistics) -> Int)
        ) -> [([String: String], Double)] {
            sums.flatMap { labels, sum in
                [first, second].map { state, value in
                    (labels.merging(["state": state]) { $1 }, Double(value(sum)))
                }
            }
        }
        text.add(
            "mpool_cache_hits_total", .counter, "Pages that were found in buffer pools.",
            values(\.counts.hits))
        text.add(
            "mpool_cache_misses_total", .counter, "Pages that had to be read or made.",
            values(\.counts.misses))
        text.add(
            "mpool_evictions_total", .counter, "Pages that left to make room.",
            states(("clean", \.cleanEvicted), ("dirty", \.dirtyEvicted)))
        text.add(
            "mpool_pages", .gauge, "Pages in buffer pools.",
            states(("clean", \.cleanPages), ("dirty", \.dirtyPages)))
        text.add(
            "mpools_open", .gauge, "Buffer pools that are open, the service's own included.",
            Double(open.count))
        text.add(
            "pins", .gauge, "Pins of pages.", Double(open.reduce(0) { $0 + $1.leases.count }))
    }
}
