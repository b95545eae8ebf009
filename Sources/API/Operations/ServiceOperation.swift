/// The endpoints of the service as a whole.
package enum ServiceOperation: CaseIterable, Sendable {
    case root, health, ready, metrics, openAPIJSON, openAPIYAML, docs, problem, limits
    case pmemlogVersion

    package var description: OperationDescription {
        switch self {
        case .root:
            .init(
                "getService", .get, "/v1", tag: "service", "Name, versions and where to go on",
                answers: [.init(200, "The service.", [.json("Service", example: Examples.service)])]
            )
        case .health:
            .init(
                "getHealth", .get, "/healthz", tag: "service", "Is the process alive?",
                "Touches no disk. 200 as long as the process can answer.",
                answers: [
                    .init(
                        200, "It is.", [.json("Health", example: ["status": "ok"])],
                        headers: ["Tidemark-Instance"])
                ], isAnsweredInDrain: true)
        case .ready:
            .init(
                "getReadiness", .get, "/readyz", tag: "service", "Should it get requests?",
                "503 while the service stops, while its disk is out of room, and while a pool, log or "
                    + "journal has failed or could not be opened.",
                parameters: [
                    .init(
                        "verbose", "Whether to tell each check's result.",
                        ["type": "boolean", "default": true])
                ],
                answers: [
                    .init(200, "It should.", [.json("Readiness", example: Examples.readiness)]),
                    .init(
                        503, "It should not, or not yet.",
                        [.json("Readiness", example: Examples.unreadiness)],
                        headers: ["Retry-After"]),
                ], isAnsweredInDrain: true)
        case .metrics:
            .init(
                "getMetrics", .get, "/metrics", tag: "service", "Figures for Prometheus",
                "The text format 0.0.4, or OpenMetrics 1.0 if that is asked for.",
                answers: [
                    .init(
                        200, "All figures.",
                        [
                            .init(.text, ["type": "string"], example: .string(Examples.metrics)),
                            .init(
                                .openMetrics, ["type": "string"],
                                example: .string(Examples.metrics + "# EOF\n")),
                        ])
                ])
        case .openAPIJSON:
            .init(
                "getOpenAPI", .get, "/openapi.json", tag: "service", "This document as JSON",
                answers: [.init(200, "OpenAPI 3.1.", [.init(.json, ["type": "object"])])])
        case .openAPIYAML:
            .init(
                "getOpenAPIAsYAML", .get, "/openapi.yaml", tag: "service", "This document as YAML",
                answers: [.init(200, "OpenAPI 3.1.", [.init(.yaml, ["type": "string"])])])
        case .docs:
            .init(
                "getDocs", .get, "/docs", tag: "service", "All endpoints on one page",
                answers: [.init(200, "A page.", [.init(.html, ["type": "string"])])])
        case .problem:
            .init(
                "getProblem", .get, "/problems/{code}", tag: "service", "What a problem code means",
                answers: [.init(200, "Some words.", [.init(.text, ["type": "string"])])],
                problems: [.notFound])
        case .limits:
            .init(
                "getLimits", .get, "/v1/limits", tag: "service", "The limits in force",
                answers: [.init(200, "The limits.", [.json("Limits", example: Examples.limits)])])
        case .pmemlogVersion:
            .init(
                "checkPmemlogVersion", .get, "/v1/engines/pmemlog/check_version", tag: "service",
                "Does libpmemlog offer a version?", "pmemlog_check_version(3).",
                parameters: [
                    .init("major_required", "The major version that is needed.", Schemas.version),
                    .init("minor_required", "The minor version that is needed.", Schemas.version),
                ],
                answers: [
                    .init(
                        200, "It does.",
                        [
                            .json(
                                "VersionCheck",
                                example: ["compatible": true, "major": 1, "minor": 1])
                        ])
                ],
                problems: [.versionMismatch])
        }
    }
}
