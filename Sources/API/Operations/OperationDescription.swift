/// Everything that is said of one endpoint, once: router, refusals, metrics and openapi.yaml are
/// made from it.
package final class OperationDescription: Sendable {
    /// A query parameter or a request header.
    ///
    /// Path parameters follow from the template.
    package struct Parameter: Sendable {
        package enum Place: String, Sendable { case query, header }

        package let name: String
        package let place: Place
        package let summary: String
        package let schema: JSONValue
        package let example: JSONValue?
        package let isRequired: Bool

        package init(
            _ name: String, in place: Place = .query, _ summary: String, _ schema: JSONValue,
            example: JSONValue? = nil, isRequired: Bool = false
        ) {
            self.name = name
            self.place = place
            self.summary = summary
            self.schema = schema
            self.example = example
            self.isRequired = isRequired
        }
    }

    /// The parameters of a list that comes by pages.
    ///
    /// - Parameter states: those by which it can be narrowed.
    package static func page(of kind: String, states: [JSONValue]) -> [Parameter] {
        [
            .init("prefix", "Only names that start like this.", ["type": "string"]),
            .init(
                "state", "Only \(kind) in this state.",
                ["type": "string", "enum": .array(states)]),
            .init(
                "limit", "At most that many.",
                ["type": "integer", "minimum": 1, "maximum": 1000, "default": 100]),
            .init(
                "page_token", "next_page_token of the page before.",
                ["type": "string", "maxLength": 512]),
        ]
    }

    /// One form that a body can have.
    package struct Content: Sendable {
        package let type: MediaType
        package let schema: JSONValue
        package let example: JSONValue?

        package init(_ type: MediaType, _ schema: JSONValue, example: JSONValue? = nil) {
            self.type = type
            self.schema = schema
            self.example = example
        }

        package static func json(_ schemaName: String, example: JSONValue) -> Content {
            Content(.json, Schemas.reference(schemaName), example: example)
        }
    }

    /// One answer that is no problem.
    package struct Answer: Sendable {
        package let status: Int
        package let summary: String
        package let contents: [Content]
        package let headers: [String]

        package init(
            _ status: Int, _ summary: String, _ contents: [Content] = [], headers: [String] = []
        ) {
            self.status = status
            self.summary = summary
            self.contents = contents
            self.headers = headers
        }

        /// The same where it can be a repetition's.
        var withReplay: Answer {
            Answer(status, summary, contents, headers: headers + [Idempotency.replayed])
        }
    }

    /// How large a body may be.
    package enum BodyLimit: Sendable { case none, small, records, file }

    package let id: String
    package let method: Method
    /// The path, with `{name}` for what varies.
    package let template: String
    package let tag: String
    package let summary: String
    package let details: String
    package let parameters: [Parameter]
    package let bodies: [Content]
    package let bodyIsRequired: Bool
    package let bodyLimit: BodyLimit
    package let answers: [Answer]
    package let problems: [ProblemCode]
    /// Whether it is answered while the service is about to stop.
    package let isAnsweredInDrain: Bool
    /// What it asks of a token.
    package let access: Access
    /// What becomes of it if it comes again under the same `Idempotency-Key`.
    package let repetition: Repetition

    package init(
        _ id: String, _ method: Method, _ template: String, tag: String, _ summary: String,
        _ details: String = "", parameters: [Parameter] = [], bodies: [Content] = [],
        bodyIsRequired: Bool = false, bodyLimit: BodyLimit = .none, answers: [Answer],
        problems: [ProblemCode] = [], isAnsweredInDrain: Bool = false
    ) {
        self.id = id
        self.method = method
        self.template = template
        self.tag = tag
        self.summary = summary
        self.details = details
        self.parameters = parameters
        self.bodies = bodies
        self.bodyIsRequired = bodyIsRequired
        self.bodyLimit = bodyLimit
        self.answers = answers
        self.problems = problems
        self.isAnsweredInDrain = isAnsweredInDrain
        access = .adminOfAll
        repetition = .untold
    }

    /// The same with what it asks of a token, and what becomes of repetitions.
    init(_ other: OperationDescription, access: Access, repetition: Repetition) {
        id = other.id
        method = other.method
        template = other.template
        tag = other.tag
        summary = other.summary
        details = other.details
        let key = Idempotency.header(repetition)
        parameters = other.parameters + (key.map { [$0] } ?? [])
        bodies = other.bodies
        bodyIsRequired = other.bodyIsRequired
        bodyLimit = other.bodyLimit
        answers = key == nil ? other.answers : other.answers.map(\.withReplay)
        problems = other.problems + Idempotency.problems(repetition)
        isAnsweredInDrain = other.isAnsweredInDrain
        self.access = access
        self.repetition = repetition
    }

    /// How a resource of this kind is missed; nil for operations that name none.
    package var missing: ProblemCode? {
        guard !captures.isEmpty else { return nil }
        return switch tag {
        case "pools": .noSuchPool
        case "logs": .noSuchLog
        case "journals": .noSuchJournal
        case "mpools": .noSuchMPool
        default: nil
        }
    }

    /// The names in the template, in order.
    package var captures: [String] {
        template.split(separator: "/").filter { $0.hasPrefix("{") }
            .map { String($0.dropFirst().dropLast()) }
    }

    /// What any request of this shape can meet, besides its own problems.
    package var allProblems: [ProblemCode] {
        var codes: Set<ProblemCode> = [
            .badRequest, .unknownParameter, .uriTooLong, .headersTooLarge, .expectationFailed,
            .internalError, .methodNotAllowed, .overloaded,
        ]
        if !isAnsweredInDrain { codes.insert(.draining) }
        codes.formUnion(problems)
        if !captures.isEmpty { codes.insert(.badName) }
        if parameters.contains(where: { $0.place == .query }) { codes.insert(.badParameter) }
        if bodyLimit != .none { codes.formUnion([.tooLarge, .unsupportedMediaType]) }
        if !method.isSafe { codes.insert(.forbidden) }
        if access.scope != nil { codes.formUnion([.unauthenticated, .forbidden, .rateLimited]) }
        if access.scope != nil, let missing { codes.insert(missing) }
        if method == .post, repetition == .untold { codes.insert(.notImplemented) }
        if answers.contains(where: { !$0.contents.isEmpty }) { codes.insert(.notAcceptable) }
        return ProblemCode.allCases.filter(codes.contains)
    }
}
