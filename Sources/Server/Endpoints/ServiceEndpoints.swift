import API
import Store

// The endpoints of the service as a whole.

extension Service {
    func handle(_ operation: ServiceOperation, _ call: Call) throws(Problem) -> Answer {
        switch operation {
        case .root: return try Self.json(call, Self.root)
        case .health: return try Self.json(call, ["status": "ok"])
        case .ready: return try ready(call)
        case .metrics:
            _ = try call.negotiate([.text])
            return Self.text(metrics.text(of: self), .metrics)
        case .openAPIJSON:
            return try Self.json(call, OpenAPIDocument.document(version: Version.service))
        case .openAPIYAML:
            _ = try call.negotiate([.yaml])
            return Self.text(
                YAMLText.text(of: OpenAPIDocument.document(version: Version.service)), .yaml)
        case .docs:
            _ = try call.negotiate([.html])
            var answer = Response(body: Array(DocsPage.html.utf8))
            answer.setContentType(.html)
            answer.headers.append(
                ("Content-Security-Policy", "default-src 'none'; style-src 'self'"))
            return .now(answer)
        case .problem: return try problem(call)
        case .limits: return try Self.json(call, limits)
        case .pmemlogVersion: return try pmemlogVersion(call)
        }
    }

    private static func text(_ text: String, _ type: MediaType) -> Answer {
        var response = Response(body: Array(text.utf8))
        response.setContentType(type)
        return .now(response)
    }

    private static let root: JSONValue = [
        "name": "tidemark", "version": .string(Version.service),
        "api_version": .string(Version.api), "engines": ["pmemlog": .string(Version.pmemlog)],
        "links": [
            "pools": "/v1/pools", "limits": "/v1/limits", "openapi": "/openapi.json",
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
        let failed = store.pools.allLoaded.filter {
            if case .failed = $0.view.state { true } else { false }
        }.map(\.name).sorted()
        if !failed.isEmpty {
            let names = failed.prefix(10).joined(separator: ", ")
            checks.append(.init(name: "pools", value: .string("failed: \(names)")))
        }
        let isReady = !isDraining && hasSpace && failed.isEmpty
        var document: [JSONValue.Member] = [
            .init(name: "status", value: isReady ? "ready" : "not_ready")
        ]
        if verbose { document.append(.init(name: "checks", value: .object(checks))) }
        return try Self.json(
            call, status: isReady ? 200 : 503, headers: isReady ? [] : [("Retry-After", "1")],
            .object(document))
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
            "small_body_bytes": .integer(settings.smallBodyBytes),
            "batch_records": .integer(settings.batchRecords),
            "record_bytes": .integer(settings.recordBytes),
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

    // MARK: - The list of pools

    func listPools(_ call: Call) throws(Problem) -> Answer {
        let prefix = try call.text("prefix") ?? ""
        let limit = try call.integer("limit", in: 1...1000) ?? 100
        let after = try call.text("page_token").map(ListToken.init(text:))
        let state = try call.text("state")
        if let state, !["open", "closed", "failed", "damaged"].contains(state) {
            throw Problem(
                .badParameter, "state is one of open, closed, failed, damaged", option: "state")
        }
        return onFileThread { [self] () throws(Problem) in
            let page = try mapping { () throws(StoreError) in
                try store.pools.names(prefix: prefix, after: after?.name, limit: limit)
            }
            let pools = page.names.map(summary).filter {
                state == nil || $0["state"] == state.map(JSONValue.string)
            }
            var headers: [(name: String, value: String)] = []
            var next = JSONValue.null
            if !page.isComplete, let last = page.names.last {
                let token = ListToken(name: last).text
                next = .string(token)
                headers.append(
                    ("Link", "</v1/pools?limit=\(limit)&page_token=\(token)>; rel=\"next\""))
            }
            return try Self.json(
                call, headers: headers, ["pools": .array(pools), "next_page_token": next])
        }
    }

    /// A pool as the list shows it: from its file alone if it is not open.
    private func summary(_ name: String) -> JSONValue {
        if let pool = store.pools.loaded(name) {
            return ["name": .string(name), "state": .string(pool.view.state.word)]
        }
        do throws(StoreError) {
            try store.pools.examine(name)
            return ["name": .string(name), "state": "closed"]
        } catch {
            return [
                "name": .string(name), "state": "damaged", "detail": .string(Problem(error).detail),
            ]
        }
    }
}

/// Where a list goes on: the name it ended with, as hexadecimal digits.
private struct ListToken {
    let name: String

    init(name: String) { self.name = name }

    var text: String {
        "n1." + name.utf8.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    init(text: String) throws(Problem) {
        let digits = Array(text.dropFirst(3))
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        let name = String(decoding: bytes, as: UTF8.self)
        guard text.hasPrefix("n1."), ResourceName.isValid(name), ListToken(name: name).text == text
        else { throw Problem(.badToken, "the page token was not given here", option: "page_token") }
        self.name = name
    }
}
