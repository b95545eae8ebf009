import API
import Store

// The endpoints of the service as a whole.

extension Service {
    func handle(_ operation: ServiceOperation, _ call: Call) throws(Problem) -> Answer {
        switch operation {
        case .root: return try Self.json(call, Self.root)
        case .health:
            let instance = Response.Header("Tidemark-Instance", store.directory.instance)
            return try Self.json(call, headers: [instance], ["status": "ok"])
        case .ready: return try ready(call)
        case .metrics:
            let type = try call.negotiate([.metrics, .openMetrics])
            return onFileThread { [self] in
                Self.text(
                    metrics.text(of: self, isOpenMetrics: type == .openMetrics, for: call), type)
            }
        case .openAPIJSON:
            return try Self.json(call, OpenAPIDocument.document(version: Version.service))
        case .openAPIYAML:
            _ = try call.negotiate([.yaml])
            return Self.text(
                YAMLText.text(of: OpenAPIDocument.document(version: Version.service)), .yaml)
        case .docs:
            _ = try call.negotiate([.html])
            let policy = "default-src 'none'; style-src 'self'"
            return .now(
                Response(
                    headers: [.init("Content-Security-Policy", policy)], type: .html,
                    body: Array(DocsPage.html.utf8)))
        case .problem: return try problem(call)
        case .limits: return try Self.json(call, limits)
        case .pmemlogVersion: return try pmemlogVersion(call)
        }
    }

    private static func text(_ text: String, _ type: MediaType) -> Answer {
        .now(Response(type: type, body: Array(text.utf8)))
    }

    private static let root: JSONValue = [
        "name": "tidemark", "version": .string(Version.service),
        "api_version": .string(Version.api),
        "engines": [
            "pmemlog": .string(Version.pmemlog), "disk_log": .string(Version.diskLog),
            "wiredtiger": .string(Version.wiredTiger),
        ],
        "links": [
            "pools": "/v1/pools", "logs": "/v1/logs", "journals": "/v1/journals",
            "tokens": "/v1/tokens", "limits": "/v1/limits",
            "openapi": "/openapi.json",
            "docs": "/docs", "metrics": "/metrics", "health": "/healthz", "readiness": "/readyz",
        ],
    ]

    private func ready(_ call: Call) throws(Problem) -> Answer {
        let verbose = try call.bool("verbose") ?? true
        var checks: [JSONValue.Member] = []
        if isDraining { checks.append(.init(name: "service", value: "draining")) }
        let free = (try? store.directory.freeBytes()) ?? 0
        let hasSpace = free >= settings.freeBytesFloor
        checks.append(
            .init(
                name: "storage",
                value: hasSpace
                    ? "ok" : .string("\(free) bytes free, \(settings.freeBytesFloor) wanted")))
        if let percent = store.recoveryPercent {
            checks.append(.init(name: "recovery", value: .string("running \(percent) %")))
        }
        let failures = [
            check(
                "pools", failed: store.pools.allLoaded.filter(\.view.state.hasFailed).map(\.name)),
            check(
                "logs", failed: store.logs.allLoaded.filter(\.view.state.hasFailed).map(\.name),
                unopened: store.logs.unopened),
            check(
                "journals",
                failed: store.journals.allLoaded.filter(\.view.state.hasFailed).map(\.name),
                unopened: store.journals.unopened),
        ].compactMap(\.self)
        checks += failures
        let isReady = !isDraining && hasSpace && failures.isEmpty
        var document: [JSONValue.Member] = [
            .init(name: "status", value: isReady ? "ready" : "not_ready")
        ]
        if verbose { document.append(.init(name: "checks", value: .object(checks))) }
        return try Self.json(
            call, status: isReady ? 200 : 503, headers: isReady ? [] : [.init("Retry-After", "1")],
            .object(document))
    }

    /// Names some of those that have failed or could not be opened, or counts them where names are not
    /// for everyone; nil if none have.
    private func check(
        _ kind: String, failed: [String], unopened: UnopenedNames? = nil
    ) -> JSONValue.Member? {
        let failed = Set(failed).union(unopened?.all ?? [])
        guard !failed.isEmpty else { return nil }
        if tokens.isNeeded {
            return .init(name: kind, value: .string("failed: \(failed.count)"))
        }
        let names = failed.sorted().prefix(10).joined(separator: ", ")
        return .init(name: kind, value: .string("failed: \(names)"))
    }

    private func problem(_ call: Call) throws(Problem) -> Answer {
        guard let code = ProblemCode(rawValue: call.name) else {
            throw Problem(.notFound, "there is no problem code \(call.name)")
        }
        _ = try call.negotiate([.text])
        let again = code.isRetryable ? "The same request may succeed later." : ""
        return Self.text(
            "\(code.rawValue): HTTP status \(code.status)\n\(code.title). \(again)\n", .text)
    }

    private var limits: JSONValue {
        [
            "target_bytes": .integer(settings.targetBytes),
            "header_bytes": .integer(settings.headerBytes),
            "body_bytes": .integer(settings.bodyBytes),
            "bodies_bytes": .integer(settings.bodiesBytes),
            "small_body_bytes": .integer(settings.smallBodyBytes),
            "batch_records": .integer(settings.batchRecords),
            "record_bytes": .integer(settings.recordBytes),
            "line_bytes": .integer(RecordBatch.Limits().lineBytes),
            "json_depth": 64, "record_json_depth": 512,
            "page_items": 1000, "page_bytes": 1_048_576,
            "connections": .integer(settings.connections),
            "connections_per_address": .integer(settings.connectionsPerAddress),
            "queue_requests": .integer(settings.queueRequests),
            "queue_bytes": .integer(settings.queueBytes),
            "header_timeout_ms": .integer(settings.headerTimeout),
            "body_timeout_ms": .integer(settings.bodyTimeout),
            "request_timeout_ms": .integer(settings.requestTimeout),
            "wait_ms": .integer(settings.waitLimit),
            "free_bytes": .integer(settings.freeBytesFloor),
        ]
    }

    private func pmemlogVersion(_ call: Call) throws(Problem) -> Answer {
        let range = 0...Int(UInt32.max)
        let major = try call.integer("major_required", in: range) ?? 1
        let minor = try call.integer("minor_required", in: range) ?? 1
        if let fault = PmemPool.checkVersion(major: UInt32(major), minor: UInt32(minor)) {
            throw Problem(StoreError.versionMismatch(detail: fault))
        }
        let version = PmemPool.version
        return try Self.json(
            call,
            [
                "compatible": true, "major": .integer(version.major),
                "minor": .integer(version.minor),
            ])
    }
}
