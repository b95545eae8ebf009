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
        var batches = Histogram.batches
        var waits = Durability.allCases.map { (durability: $0, times: Histogram.seconds) }
        var flushes = Histogram.seconds
        var failures = 0
        var replays = 0
    }

    /// Requests that found no endpoint.
    private let others = Locked(RequestFigures())
    private let preconditionFailures = Atomic(0)
    private let rateLimited = Atomic(0)
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
            if !report.failed {
                commits.records += report.records
                commits.bytes += report.bytes
            } else if report.flushNanoseconds != nil {
                commits.failures += 1
            }
            commits.replays += report.replays
            if report.isCommit { commits.batches.observe(Double(report.records)) }
            for wait in report.waits {
                for index in commits.waits.indices
                where commits.waits[index].durability == wait.durability {
                    commits.waits[index].times.observe(Double(wait.nanoseconds) / 1e9)
                }
            }
            if let nanoseconds = report.flushNanoseconds {
                commits.flushes.observe(Double(nanoseconds) / 1e9)
            }
        }
    }

    /// Counts a refusal of which operators want to know how often it comes.
    func count(_ problem: ProblemCode) {
        switch problem {
        case .preconditionFailed: preconditionFailures.add(1, ordering: .relaxed)
        case .rateLimited: rateLimited.add(1, ordering: .relaxed)
        default: break
        }
    }

    /// All figures in Prometheus's text format 0.0.4, or in OpenMetrics 1.0.
    ///
    /// No file of a pool, log or journal is touched, and no lock held for longer than a copy takes.
    ///
    /// - Parameter call: who asks: of resources that it may not know of no name is told.
    func text(of service: Service, isOpenMetrics: Bool, for call: Call) -> String {
        var text = MetricsText(prefix: "tidemark", isOpenMetrics: isOpenMetrics)
        text.add(
            "build_info", .gauge, "The version that runs.",
            [(["version": Version.service, "engine_versions": Version.engines], 1)])
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
        text.add(
            "precondition_failures_total", .counter,
            "Requests whose condition did not hold: If-Match, at and their like.",
            Double(preconditionFailures.load(ordering: .relaxed)))
        text.add(
            "rate_limited_total", .counter, "Requests that were one too many of their kind.",
            Double(rateLimited.load(ordering: .relaxed)))
        addConnections(of: service, to: &text)
        service.access.write(to: &text, tokens: service.tokens.all.count)
        addCommits(of: service, to: &text)
        addStorage(of: service, to: &text)
        addCounters(of: service, to: &text)
        addResources(of: service, for: call, to: &text)
        addMPools(of: service, for: call, to: &text)
        for figure in ProcessFigures.current {
            text.addProcess(
                figure.name, figure.isCounter ? .counter : .gauge, figure.help, figure.value)
        }
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
            "idempotent_replays_total", .counter,
            "Requests that were answered as the same one had been before, and not done again.",
            Double(
                all.reduce(service.calls.replays.load(ordering: .relaxed)) {
                    $0 + $1.commits.replays
                }))
        text.add(
            "append_duration_seconds",
            "From the queue to the answer of an append; of accepted ones to their writing.",
            all.flatMap { label, commits in
                commits.waits.map { wait in
                    (
                        label.merging(["durability": wait.durability.rawValue]) { $1 },
                        wait.times
                    )
                }
            })
        text.add(
            "commit_batch_records", "Records that were written together.",
            all.map { ($0.label, $0.commits.batches) })
        text.add(
            "commit_queue_requests", .gauge, "Appends that wait.",
            Double(service.store.budget.queuedRequests))
        text.add(
            "sync_total", .counter, "Flushes to stable storage.",
            all.flatMap { label, commits in
                [("ok", commits.flushes.count - commits.failures), ("failed", commits.failures)].map
                {
                    (label.merging(["result": $0.0]) { $1 }, Double($0.1))
                }
            })
        text.add(
            "sync_duration_seconds", "Time of one flush to stable storage.",
            all.map { ($0.label, $0.commits.flushes) })
    }
}
