/// The operations on one kind of resource, which are described alike.
protocol ResourceOperation {
    /// What the kind is called in the contract.
    static var tag: String { get }
    /// The path of one resource.
    static var item: String { get }
    /// What an answer with one resource holds, and an example of it.
    static var schema: (name: String, example: JSONValue) { get }
    /// What every operation below `item` can meet.
    static var opening: [ProblemCode] { get }
    /// What one can meet besides, by what follows `item` in its path and by its body.
    static func problems(
        _ path: String, _ bodyLimit: OperationDescription.BodyLimit
    ) -> [ProblemCode]
}

extension ResourceOperation {
    static func problems(
        _ path: String, _ bodyLimit: OperationDescription.BodyLimit
    ) -> [ProblemCode] { [] }

    /// - Parameter path: what follows the path of the resource.
    static func describe(
        _ id: String, _ method: Method, _ path: String, _ summary: String, _ details: String = "",
        parameters: [OperationDescription.Parameter] = [],
        bodies: [OperationDescription.Content] = [], bodyIsRequired: Bool = false,
        bodyLimit: OperationDescription.BodyLimit = .none,
        answers: [OperationDescription.Answer], problems: [ProblemCode] = []
    ) -> OperationDescription {
        OperationDescription(
            id, method, item + path, tag: tag, summary, details, parameters: parameters,
            bodies: bodies, bodyIsRequired: bodyIsRequired, bodyLimit: bodyLimit, answers: answers,
            problems: opening + Self.problems(path, bodyLimit) + problems)
    }

    /// The resource itself as an answer.
    static func itemAnswer(_ status: Int, _ summary: String) -> OperationDescription.Answer {
        .init(
            status, summary, [.json(schema.name, example: schema.example)],
            headers: ["ETag", "Log-Position"])
    }
}
