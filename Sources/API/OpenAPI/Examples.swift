/// Examples of answers, as the tests see the service give them.
enum Examples {
    static let service: JSONValue = [
        "name": "tidemark", "version": "0.1.0", "api_version": "v1",
        "engines": ["pmemlog": "1.1"],
        "links": ["pools": "/v1/pools", "limits": "/v1/limits", "openapi": "/openapi.json"],
    ]

    static let readiness: JSONValue = ["status": "ready", "checks": ["storage": "ok"]]

    static let unreadiness: JSONValue = ["status": "not_ready", "checks": ["service": "draining"]]

    static let metrics =
        "# TYPE tidemark_http_requests_in_flight gauge\n"
        + "tidemark_http_requests_in_flight 1\n"

    static let limits: JSONValue = ["body_bytes": 16_777_216, "batch_records": 10_000]

    static let pool: JSONValue = [
        "name": "demo", "state": "open", "file": "pools/demo", "pool_size": 2_097_152,
        "mode": "0600", "nbyte": 2_088_960, "tell": 5, "free": 2_088_955, "generation": 1,
        "durability": "synced", "created_at": "2026-01-01T12:00:00Z",
        "etag": "\"9f3a01c2.1-5\"", "last_check": nil,
    ]

    static let poolList: JSONValue = [
        "pools": [["name": "demo", "state": "open"]], "next_page_token": nil,
    ]

    static let appended: JSONValue = [
        "first": 0, "next": 5, "count": 1, "bytes": 5, "durability": "synced", "duplicate": false,
    ]

    static let walkPage: JSONValue = [
        "chunks": [["offset": 0, "length": 5, "b64": "aGVsbG8="]], "next": nil, "position": 5,
    ]

    static let walkLines =
        "{\"offset\":0,\"length\":5,\"b64\":\"aGVsbG8=\"}\n"
        + "{\"end\":true,\"next\":\"p1.9f3a01c2.1.5\",\"position\":5,\"records\":1,\"bytes\":5}\n"
}
