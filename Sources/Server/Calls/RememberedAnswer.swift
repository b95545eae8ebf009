import API

/// What a call came to, as a repetition is told.
enum RememberedAnswer: Sendable {
    case response(Response)
    /// It was done, and what it said cannot be said again.
    case problem(Problem)

    /// Answers with more bytes are not kept.
    static let limit = 1 << 20

    /// The names of headers that answers of calls can have.
    private static let names: [StaticString] = [
        "ETag", "Log-Position", "Location", "Mpool-Pin", "Mpool-Pgno", "Preference-Applied",
        "Cache-Control",
    ]

    /// - Parameter operation: what was done.
    init(_ response: Response, of operation: Operation) {
        if operation == .token(.create) {
            // A secret is nowhere but with its owner.
            self = .problem(
                Problem(
                    .alreadyExists,
                    "the token was made, and its text is shown once: take the token back, and make "
                        + "another under another key", applied: .yes))
        } else if response.body.count > Self.limit {
            self = .problem(
                Problem(
                    .tooLarge, "it was done; the answer was too large to be remembered",
                    applied: .yes,
                    members: [.init(name: "limit", value: .integer(Self.limit))]))
        } else {
            self = .response(response)
        }
    }

    /// What a repetition is answered.
    var answer: Result<Answer, Problem> {
        switch self {
        case .problem(let problem): return .failure(problem)
        case .response(var response):
            response.headers.append(.init("Idempotency-Replayed", "true"))
            return .success(.now(response))
        }
    }

    /// About how much memory it takes.
    var size: Int {
        guard case .response(let response) = self else { return 256 }
        return 256 + response.body.count
    }

    // MARK: - In a file

    /// A line for the status, or the problem's code; a line for each header; an empty line; the body.
    var bytes: [UInt8] {
        var lines: [String]
        var body: [UInt8]
        switch self {
        case .response(let response):
            lines = [String(response.status), response.type?.rawValue ?? ""]
            lines += response.headers.map { "\($0.name): \($0.value)" }
            body = response.body
        case .problem(let problem):
            lines = [problem.code.rawValue, problem.applied.rawValue]
            body = Array(problem.detail.utf8)
        }
        return Array((lines.joined(separator: "\n") + "\n\n").utf8) + body
    }

    init?(_ bytes: [UInt8]) {
        guard
            let end = zip(bytes.indices, bytes.dropFirst()).first(where: { place, next in
                bytes[place] == 0x0A && next == 0x0A
            })?.0
        else { return nil }
        let body = Array(bytes[(end + 2)...])
        let lines = String(decoding: bytes[..<end], as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let status = Int(lines[0]) {
            var response = Response(status: status, body: body)
            if lines.count > 1 { response.type = MediaType(rawValue: lines[1]) }
            response.headers = lines.dropFirst(2).compactMap(Self.header)
            self = .response(response)
        } else {
            guard lines.count > 1, let code = ProblemCode(rawValue: lines[0]),
                let applied = Problem.Applied(rawValue: lines[1])
            else { return nil }
            self = .problem(
                Problem(code, String(decoding: body, as: UTF8.self), applied: applied))
        }
    }

    private static func header(_ line: String) -> Response.Header? {
        guard let colon = line.firstIndex(of: ":"),
            let name = names.first(where: { $0.description == line[..<colon] })
        else { return nil }
        return .init(name, String(line[colon...].dropFirst(2)))
    }
}
