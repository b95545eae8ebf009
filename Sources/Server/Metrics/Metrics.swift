import API
import Store
import Synchronization

/// What is counted of requests.
struct RequestFigures {
    /// Statuses that were answered, each with its count.
    var byStatus: [(status: Int, count: Int)] {
        counts.enumerated().filter { $0.element > 0 }.map { ($0.offset, $0.element) }
    }

    /// Bytes of bodies.
    private(set) var bodyBytes = 0

    mutating func count(status: Int, seconds: Double, bodyBytes count: Int) {
        bodyBytes += count
        counts[min(max(status, 0), counts.count - 1)] += 1
        durations.observe(seconds)
    }

    /// Counts by status, for statuses below 600.
    private var counts = [Int](repeating: 0, count: 600)
    var durations = Histogram.seconds
}

/// The service's figures, counted as things happen and written out on request.
final class Metrics: Sendable {
    struct Commits {
        var records = 0
        var bytes = 0
        var failures = 0
        var commits = 0
        var batches = Histogram.batches
        var durations = Histogram.seconds
    }

    /// Requests that found no endpoint.
    private let others = Locked(RequestFigures())
    private let commits = CommitKind.allCases.map { _ in Locked(Commits()) }

    private func commits(of kind: CommitKind) -> Locked<Commits> {
        commits[CommitKind.allCases.firstIndex(of: kind) ?? 0]
    }

    /// Counts a request that has ended.
    ///
    /// - Parameter endpoint: nil if it found none.
    func count(_ endpoint: Endpoint?, status: Int, bodyBytes: Int, nanoseconds: Int) {
        let counter = endpoint?.figures ?? others
        let seconds = Double(nanoseconds) / 1e9
        counter.withLock { $0.count(status: status, seconds: seconds, bodyBytes: bodyBytes) }
    }

    func count(_ report: CommitBudget.Report) {
        commits(of: report.kind).withLock { commits in
            commits.commits += 1
            if report.failed {
                commits.failures += 1
            } else {
                commits.records += report.records
                commits.bytes += report.bytes
            }
            commits.batches.observe(Double(report.records))
            commits.durations.observe(Double(report.nanoseconds) / 1e9)
        }
    }

    /// All figures in Prometheus's text format 0.0.4.
    func text(of service: Service) -> String {
        var text = MetricsText(prefix: "tidemark")
        text.add(
            "build_info", .gauge, "The version that runs.",
            [(["version": Version.service, "engine_pmemlog": Version.pmemlog], 1)])
        let all = service.router.endpoints.map { endpoint in
            (endpoint.description, endpoint.figures.withLock { $0 })
        }
        var byCode = all.flatMap { description, requests in
            requests.byStatus.map { status, count in
                (Self.labels(description).merging(["code": "\(status)"]) { $1 }, Double(count))
            }
        }
        byCode += others.withLock { $0.byStatus }.map { status, count in
            (["method": "", "route": "", "code": "\(status)"], Double(count))
        }
        text.add("http_requests_total", .counter, "Requests that have ended.", byCode)
        text.add(
            "http_request_duration_seconds", "From the request line to the end of the answer.",
            all.filter { !$0.1.byStatus.isEmpty }.map { (Self.labels($0.0), $0.1.durations) })
        text.add(
            "http_requests_in_flight", .gauge, "Requests that have begun and not ended.",
            Double(service.inFlight.count))
        text.add(
            "http_request_body_bytes_total", .counter, "Bytes of bodies that came.",
            Double(all.reduce(others.withLock { $0.bodyBytes }) { $0 + $1.1.bodyBytes }))
        text.add(
            "http_request_bodies_held_bytes", .gauge, "Bytes of bodies in memory now.",
            Double(service.bodies.heldBytes))
        addConnections(of: service, to: &text)
        service.access.write(to: &text, tokens: service.tokens.all.count)
        addCommits(of: service, to: &text)
        addStorage(of: service, to: &text)
        return text.finish()
    }

    private static func labels(_ description: OperationDescription) -> [String: String] {
        ["method": description.method.rawValue, "route": description.template]
    }

    private func addConnections(of service: Service, to text: inout MetricsText) {
        text.add("http_connections", .gauge, "Open connections.", Double(service.reaper.count))
        text.add(
            "http_connections_cut_total", .counter,
            "Connections cut because the client was too slow.",
            Double(service.reaper.cut.load(ordering: .relaxed)))
        let refused = service.acceptor.withLock { $0 }?.refused.load(ordering: .relaxed)
        text.add(
            "http_connections_refused_total", .counter,
            "Connections turned away because there were too many.", Double(refused ?? 0))
    }

    private func addCommits(of service: Service, to text: inout MetricsText) {
        let all = CommitKind.allCases.map { kind in
            (label: ["kind": kind.rawValue], commits: commits(of: kind).withLock { $0 })
        }
        text.add(
            "append_records_total", .counter, "Records appended.",
            all.map { ($0.label, Double($0.commits.records)) })
        text.add(
            "append_bytes_total", .counter, "Bytes appended.",
            all.map { ($0.label, Double($0.commits.bytes)) })
        text.add(
            "commit_batch_records", "Records in one commit.",
            all.map { ($0.label, $0.commits.batches) })
        text.add(
            "commit_queue_requests", .gauge, "Appends that wait.",
            Double(service.store.budget.queuedRequests))
        text.add(
            "sync_total", .counter, "Commits, each with its flushes.",
            all.flatMap { label, commits in
                [
                    (
                        label.merging(["result": "ok"]) { $1 },
                        Double(commits.commits - commits.failures)
                    ), (label.merging(["result": "failed"]) { $1 }, Double(commits.failures)),
                ]
            })
        text.add(
            "sync_duration_seconds", "Time of one commit.",
            all.map { ($0.label, $0.commits.durations) })
    }

    private func addStorage(of service: Service, to text: inout MetricsText) {
        if let free = try? service.store.directory.freeBytes() {
            text.add(
                "storage_free_bytes", .gauge, "Free space of the data directory.", Double(free))
        }
        let store = service.store
        text.add(
            "pools_open", .gauge, "Pools that are open.", Double(store.pools.allLoaded.count))
        addMPools(of: store.mpools, to: &text)
        text.add("logs_open", .gauge, "Logs that are open.", Double(store.logs.allLoaded.count))
        text.add(
            "journals_open", .gauge, "Journals that are open.",
            Double(store.journals.allLoaded.count))
        text.add(
            "followers", .gauge, "Streams that follow a pool, log or journal.",
            Double(service.followers.count))
        text.add("handles", .gauge, "Handles of logs.", Double(store.logs.handles.count))
        text.add("cursors", .gauge, "Cursors of journals.", Double(store.journals.cursors.count))
        text.add(
            "cursors_expired_total", .counter, "Cursors that were not used in time.",
            Double(store.journals.cursors.expiredCount))
        for figure in ProcessFigures.current {
            text.addProcess(
                figure.name, figure.isCounter ? .counter : .gauge, figure.help, figure.value)
        }
    }
}
