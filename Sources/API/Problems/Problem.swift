/// An error as the client gets it (RFC 9457).
package struct Problem: Error, Equatable, Sendable {
    /// Whether what was asked for took effect.
    package enum Applied: String, Sendable { case no, yes, partial, unknown }

    package let code: ProblemCode
    package var detail: String
    package var applied: Applied
    /// The engine that refused, such as `pmemlog`.
    package var engine: String?
    /// The engine's own answer, as it prints it.
    package var reason: String?
    /// The name of an error number of the system.
    package var errno: String?
    /// Further members: `position`, `limit`, `option` and the like.
    package var members: [JSONValue.Member]
    /// Further headers of the answer.
    package var headers: [Response.Header] = []

    package init(
        _ code: ProblemCode, _ detail: String, applied: Applied = .no,
        members: [JSONValue.Member] = []
    ) {
        self.code = code
        self.detail = detail
        self.applied = applied
        self.members = members
    }

    /// A problem with one option, parameter or property.
    package init(_ code: ProblemCode, _ detail: String, option: String) {
        self.init(code, detail, members: [.init(name: "option", value: .string(option))])
    }

    package mutating func add(_ name: String, _ value: JSONValue) {
        members.append(.init(name: name, value: value))
    }

    package static func == (left: Problem, right: Problem) -> Bool {
        left.code == right.code && left.detail == right.detail && left.applied == right.applied
            && left.members == right.members
    }

    /// The document that the client gets.
    package func document(instance: String, requestID: String) -> JSONValue {
        var all: [JSONValue.Member] = [
            .init(name: "type", value: .string("/problems/\(code.rawValue)")),
            .init(name: "title", value: .string(code.title)),
            .init(name: "status", value: .integer(code.status)),
            .init(name: "code", value: .string(code.rawValue)),
            .init(name: "detail", value: .string(detail)),
            .init(name: "instance", value: .string(instance)),
            .init(name: "request_id", value: .string(requestID)),
        ]
        if let engine { all.append(.init(name: "engine", value: .string(engine))) }
        if let reason { all.append(.init(name: "reason", value: .string(reason))) }
        if let errno { all.append(.init(name: "errno", value: .string(errno))) }
        all.append(.init(name: "retryable", value: .bool(code.isRetryable)))
        all.append(.init(name: "applied", value: .string(applied.rawValue)))
        return .object(all + members)
    }

    /// The answer that tells of it.
    package func response(instance: String, requestID: String) -> Response {
        var response = Response(
            status: code.status, headers: headers, type: .problem,
            body: document(instance: instance, requestID: requestID).line)
        if let seconds = code.retryAfterSeconds,
            !headers.contains(where: { $0.name.description == "Retry-After" })
        {
            response.headers.append(.init("Retry-After", String(seconds)))
        }
        response.problem = code
        return response
    }
}
