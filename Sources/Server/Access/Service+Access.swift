import API
import Store

// Who may do what: the one function that decides before a request reaches its handler, and the
// questions that handlers ask where that depends on a body.

extension Service {
    /// Decides whether the request may go on.
    ///
    /// Looks at nothing but the token and the path: what a token does not cover answers as if it
    /// were not there, whether or not it is.
    ///
    /// - Returns: the token; nil where none is needed.
    /// - Throws: `unauthenticated`, `rate_limited`, `forbidden`, or how the resource is missed.
    func authorize(
        _ route: Route, _ headers: Headers, from address: String
    ) throws(Problem) -> AccessToken? {
        guard tokens.isNeeded else { return nil }
        let description = route.endpoint.description
        guard let scope = description.access.scope else { return nil }
        if settings.openMetrics, route.endpoint.operation == .service(.metrics) { return nil }
        let token = try authenticate(headers, address)
        if let limiter = token.limiter {
            let finding = limiter.take()
            if !finding.isAllowed { throw tooFast(limiter, finding) }
        }
        if let kind = route.resourceKind, let name = route.captures.first,
            !token.covers(kind, name)
        {
            access.count(.hidden)
            throw Problem.missing(kind, name)
        }
        guard token.may(scope), !description.access.isForAll || token.grant.coversEverything else {
            access.count(.forbidden)
            throw .lacking(scope)
        }
        return token
    }

    private func authenticate(
        _ headers: Headers, _ address: String
    ) throws(Problem) -> AccessToken {
        guard let header = headers[.authorization] else {
            access.count(.missing)
            throw .unauthenticated(
                "a token is needed, as Authorization: Bearer tm_...", isInvalid: false)
        }
        let scheme = header.prefix(7)
        var refusal = Tokens.Refusal.malformed
        if scheme.lowercased() == "bearer ", headers.count(.authorization) == 1 {
            let found = tokens.verify(header.dropFirst(7))
            if let token = found.token { return token }
            refusal = found.refusal
        }
        access.count(refusal)
        if let seconds = failures.note(address) {
            var problem = Problem(.rateLimited, "too many tokens from here were not taken")
            problem.headers = [.init("Retry-After", String(seconds))]
            throw problem
        }
        throw .unauthenticated(
            refusal == .expired ? "the token has expired" : "the token is not known",
            isInvalid: true)
    }

    private func tooFast(_ limiter: RateLimiter, _ finding: RateLimiter.Finding) -> Problem {
        let rate = limiter.rate.requestsPerSecond
        var problem = Problem(
            .rateLimited, "the token may make \(rate) requests in a second",
            members: [.init(name: "limit", value: .integer(rate))])
        problem.headers = [.init("Retry-After", String(finding.seconds))] + limiter.headers(finding)
        return problem
    }
}

extension RateLimiter {
    /// How the rate stands, as the draft of the IETF for these headers has it.
    func headers(_ finding: Finding) -> [Response.Header] {
        let seconds = max(1, (rate.burst + rate.requestsPerSecond - 1) / rate.requestsPerSecond)
        return [
            .init("RateLimit-Policy", "\"requests\";q=\(rate.burst);w=\(seconds)"),
            .init("RateLimit", "\"requests\";r=\(finding.remaining);t=\(finding.seconds)"),
        ]
    }
}

extension Route {
    /// `logs` and the like where the path names one of those; nil for all other paths.
    var resourceKind: String? {
        let kind = endpoint.description.tag
        return !captures.isEmpty && target.segments.count > 1 && target.segments[1] == kind
            && ResourcePattern.kinds.contains(kind) ? kind : nil
    }
}

extension Call {
    /// - Throws: `forbidden` if the token has not the scope that the body asks for.
    func require(_ scope: Scope) throws(Problem) {
        if !may(scope) { throw .lacking(scope) }
    }

    /// Whether the token has the scope, if there must be one.
    func may(_ scope: Scope) -> Bool { token?.may(scope) ?? true }

    /// Whose leases are that the call makes.
    var holder: String { token?.id ?? "" }

    /// Whether a lease is not another token's, or an administrator asks.
    func owns(_ lease: String) -> Bool {
        guard let token, !token.may(.admin) else { return true }
        return RandomName.isLease(lease, of: token.id)
    }

    /// Whether the client may know of a resource.
    func covers(_ kind: String, _ name: String) -> Bool { token?.covers(kind, name) ?? true }

    /// - Throws: `forbidden` for a file that another resource may have, as seen by the token.
    func require(path: String?) throws(Problem) {
        guard let path, let token, !token.covers(path: path) else { return }
        throw Problem(.forbidden, "the token's resources do not cover the file \(path)")
    }
}

extension Problem {
    static func unauthenticated(_ detail: String, isInvalid: Bool) -> Problem {
        var problem = Problem(.unauthenticated, detail)
        let error = isInvalid ? ", error=\"invalid_token\"" : ""
        problem.headers = [.init("WWW-Authenticate", "Bearer realm=\"tidemark\"\(error)")]
        return problem
    }

    /// Of a token that was good when the request came.
    static var tokenHasEnded: Problem {
        .unauthenticated("the token has expired, or was revoked", isInvalid: true)
    }

    static func lacking(_ scope: Scope) -> Problem {
        let what = scope == .admin ? "the scope admin, or not for this" : "the scope \(scope)"
        return Problem(.forbidden, "the token has not \(what)")
    }

    /// Exactly what a resource that is not there answers.
    static func missing(_ kind: String, _ name: String) -> Problem {
        guard ResourceName.isValid(name) else {
            return Problem(
                .badName,
                "a name is a letter or digit, then up to 127 of letters, digits, . _ and -")
        }
        return switch kind {
        case "pools": Problem(.noSuchPool(name: name))
        case "logs": Problem(.log(.noSuchLog(name: name, isKnown: false)), of: .diskLog)
        case "journals":
            Problem(.journal(.noSuchJournal(name: name, isKnown: false)), of: .wiredTiger)
        default: Problem(.mpool(.noSuchMPool(name: name)), of: .mpool)
        }
    }
}
