import API
import Store

/// What a method and a target mean, apart from everything else in a request.
final class Route: Sendable {
    let method: Method
    let target: Target
    let endpoint: Endpoint
    /// What the path holds in the template's places.
    let captures: [String]

    init(method: Method, target: Target, endpoint: Endpoint, captures: [String]) {
        self.method = method
        self.target = target
        self.endpoint = endpoint
        self.captures = captures
    }
}

/// Routes that were found before: clients ask for the same few targets again and again.
final class RouteCache: Sendable {
    private static let most = 1024
    /// Longer targets hold tokens or positions, and hardly come again.
    private static let longestTarget = 256

    private let routes = Locked<[String: Route]>([:])

    /// The route of a method's name and a target, found by `find` unless it is known.
    func route(
        _ method: String, _ target: String, find: () throws(Problem) -> Route
    ) throws(Problem) -> Route {
        if let known = routes.withLock({ $0[target] }), known.method.rawValue == method {
            return known
        }
        let route = try find()
        guard target.utf8.count <= Self.longestTarget, route.method.rawValue == method else {
            return route
        }
        routes.withLock { routes in
            if routes.count >= Self.most { routes = [:] }
            routes[target] = route
        }
        return route
    }
}
