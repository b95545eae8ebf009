import API

/// The other sites whose pages may use the service (CORS).
struct Origins: Sendable {
    private let allowed: Set<String>

    /// Headers of requests that such pages may send.
    private static let requestHeaders = [
        "Authorization", "Content-Type", "Fencing-Token", "Idempotency-Key", "If-Match",
        "If-None-Match", "If-Page-LSN-Below", "If-Range", "Last-Event-ID", "Log-Handle", "Prefer",
        "Range", "Request-Id", "traceparent", "tracestate",
    ].joined(separator: ", ")

    /// Headers of answers that such pages may read.
    private static let answerHeaders = [
        "Allow", "Content-Range", "ETag", "Idempotency-Replayed", "Link", "Location",
        "Log-Position", "Mpool-Pgno", "Mpool-Pin", "Preference-Applied", "RateLimit",
        "RateLimit-Policy", "Request-Id", "Retry-After", "WWW-Authenticate",
    ].joined(separator: ", ")

    /// - Parameter list: origins with commas between them; empty for none.
    init(_ list: String) {
        allowed = Set(list.split(separator: ",").map { String($0.trimmingSpaces()) })
    }

    /// The first of them that no browser would ever send.
    var misspelt: String? {
        allowed.sorted().first { origin in
            let rest = ["https://", "http://"].first(where: origin.hasPrefix).map {
                origin.dropFirst($0.count)
            }
            return rest?.isEmpty ?? true || rest?.contains("/") ?? true
                || origin != origin.lowercased()
        }
    }

    func allow(_ origin: String) -> Bool { allowed.contains(origin) }

    /// Whether one of them is of that host.
    func allow(host: String) -> Bool { allow("http://" + host) || allow("https://" + host) }

    /// The origin of the request's page, if that may read the answer.
    func allowed(_ headers: Headers) -> String? {
        guard !allowed.isEmpty, let origin = headers[.origin], allow(origin) else { return nil }
        return origin
    }

    /// What the answer to a preflight says besides.
    func preflight(_ headers: Headers, _ methods: String) -> [Response.Header] {
        guard allowed(headers) != nil, headers[.accessControlRequestMethod] != nil else {
            return []
        }
        return [
            .init("Access-Control-Allow-Methods", methods),
            .init("Access-Control-Allow-Headers", Self.requestHeaders),
            .init("Access-Control-Max-Age", "600"),
        ]
    }

    /// Lets the origin's page read the answer.
    func addHeaders(for origin: String?, to response: borrowing MHDResponse) {
        guard !allowed.isEmpty else { return }
        // Caches must not give the answer to one origin to another.
        response.add("Vary", "Origin")
        guard let origin else { return }
        response.add("Access-Control-Allow-Origin", origin)
        response.add("Access-Control-Expose-Headers", Self.answerHeaders)
    }
}
