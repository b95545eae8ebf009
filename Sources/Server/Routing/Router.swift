import API

/// Finds the endpoint that a method and a path mean; made from the operations' descriptions.
final class Router: Sendable {
    /// What was found, with what the path held in the template's places.
    struct Match {
        let endpoint: Endpoint
        let captures: [String]
    }

    /// A place in the tree of paths.
    private final class Node: Sendable {
        let children: [String: Node]
        /// The child for a segment that varies.
        let variable: Node?
        let endpoints: [Endpoint]

        /// - Parameter paths: endpoints with what is left of their templates below this place.
        init(_ paths: [(rest: ArraySlice<String>, endpoint: Endpoint)]) {
            endpoints = paths.filter { $0.rest.isEmpty }.map(\.endpoint)
            let below = Dictionary(grouping: paths.filter { !$0.rest.isEmpty }) { path in
                path.rest.first.map { $0.hasPrefix("{") ? "" : $0 } ?? ""
            }.mapValues { paths in Node(paths.map { ($0.rest.dropFirst(), $0.endpoint) }) }
            variable = below[""]
            children = below.filter { !$0.key.isEmpty }
        }
    }

    let endpoints: [Endpoint]
    private let root: Node

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        root = Node(
            endpoints.map { endpoint in
                let path = endpoint.description.template.split(separator: "/").map(String.init)
                return (path[...], endpoint)
            })
    }

    /// - Throws: `not_found`, or `method_not_allowed` with the methods that the path takes.
    func match(_ method: Method?, _ segments: [String]) throws(Problem) -> Match {
        var captures: [String] = []
        let node = try find(segments, &captures)
        let wanted = method == .head ? .get : method
        if let found = node.endpoints.first(where: { $0.description.method == wanted }) {
            return Match(endpoint: found, captures: captures)
        }
        let allowed = Self.allowed(node)
        var problem = Problem(.methodNotAllowed, "the path takes \(allowed)")
        problem.headers = [.init("Allow", allowed)]
        throw problem
    }

    /// The methods that a path takes, as `Allow` names them.
    func allowedMethods(_ segments: [String]) throws(Problem) -> String {
        var captures: [String] = []
        return Self.allowed(try find(segments, &captures))
    }

    private func find(
        _ segments: [String], _ captures: inout [String]
    ) throws(Problem) -> Node {
        var node: Node? = root
        for segment in segments {
            if let child = node?.children[segment] {
                node = child
            } else {
                node = node?.variable
                captures.append(segment)
            }
        }
        guard let node, !node.endpoints.isEmpty else {
            throw Problem(.notFound, "there is nothing at this path; GET /v1 tells where to go on")
        }
        return node
    }

    private static func allowed(_ node: Node) -> String {
        var all = Set(node.endpoints.map(\.description.method))
        if all.contains(.get) { all.insert(.head) }
        all.insert(.options)
        return Method.allCases.filter(all.contains).map(\.rawValue).joined(separator: ", ")
    }
}
