import API

/// Finds the operation that a method and a path mean; made from the operations' descriptions.
struct Router: Sendable {
    /// What was found, with what the path held in the template's places.
    struct Match {
        let operation: Operation
        let captures: [String]
    }

    private struct Node: Sendable {
        var children: [String: Node] = [:]
        /// The child for a segment that varies.
        var variable: [Node] = []
        var operations: [(method: Method, operation: Operation)] = []
    }

    private var root = Node()

    init(_ operations: [Operation] = Operation.all) {
        for operation in operations {
            let description = operation.description
            let path = description.template.split(separator: "/").map(String.init)
            Self.insert(operation, description.method, path[...], into: &root)
        }
    }

    private static func insert(
        _ operation: Operation, _ method: Method, _ path: ArraySlice<String>, into node: inout Node
    ) {
        guard let segment = path.first else {
            return node.operations.append((method, operation))
        }
        if segment.hasPrefix("{") {
            if node.variable.isEmpty { node.variable = [Node()] }
            insert(operation, method, path.dropFirst(), into: &node.variable[0])
        } else {
            insert(
                operation, method, path.dropFirst(), into: &node.children[segment, default: Node()])
        }
    }

    /// - Throws: `not_found`, or `method_not_allowed` with the methods that the path takes.
    func match(_ method: Method?, _ segments: [String]) throws(Problem) -> Match {
        let (node, captures) = try find(segments)
        let wanted = method == .head ? .get : method
        if let found = node.operations.first(where: { $0.method == wanted }) {
            return Match(operation: found.operation, captures: captures)
        }
        let allowed = Self.allowed(node.operations.map(\.method))
        var problem = Problem(.methodNotAllowed, "the path takes \(allowed)")
        problem.headers = [("Allow", allowed)]
        throw problem
    }

    /// The methods that a path takes, as `Allow` names them.
    func allowedMethods(_ segments: [String]) throws(Problem) -> String {
        Self.allowed(try find(segments).node.operations.map(\.method))
    }

    private func find(_ segments: [String]) throws(Problem) -> (node: Node, captures: [String]) {
        var node = root
        var captures: [String] = []
        for segment in segments {
            if let child = node.children[segment] {
                node = child
            } else if let child = node.variable.first {
                captures.append(segment)
                node = child
            } else {
                throw Problem(
                    .notFound, "there is nothing at this path; GET /v1 tells where to go on")
            }
        }
        guard !node.operations.isEmpty else {
            throw Problem(.notFound, "there is nothing at this path; GET /v1 tells where to go on")
        }
        return (node, captures)
    }

    private static func allowed(_ methods: [Method]) -> String {
        var all = Set(methods)
        if all.contains(.get) { all.insert(.head) }
        all.insert(.options)
        return Method.allCases.filter(all.contains).map(\.rawValue).joined(separator: ", ")
    }
}
