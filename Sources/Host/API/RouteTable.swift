import NIOCore

/// Finds the route of a path. Immutable: a new configuration makes a new table.
struct RouteTable: Sendable {
    /// All routes, sorted by path.
    let routes: [Route]
    private let exact: [String: Int]
    private let prefixes: [String: Int]

    /// - Parameters:
    ///   - routes: The API's rows.
    ///   - overrides: The `api:` section of the configuration, by path; a path that takes an argument may be written with or
    ///     without its final `/`.
    init(routes: [Route], overrides: [String: RouteOverride] = [:]) {
        let sorted = routes.sorted { Array($0.path.utf8).lexicographicallyPrecedes(Array($1.path.utf8)) }
        self.routes = sorted.enumerated().map { row, route in
            var route = route
            route.row = row
            let override = overrides[route.path] ?? (route.takesArgument ? overrides[String(route.path.dropLast())] : nil)
            if override?.skipAuthentication == true { route.access = .anyone }
            if let timeout = override?.timeout {
                route.timeout = timeout == .zero ? nil : TimeAmount(timeout)
            }
            return route
        }
        var exact: [String: Int] = [:]
        var prefixes: [String: Int] = [:]
        for (index, route) in self.routes.enumerated() {
            if route.takesArgument { prefixes[route.path] = index } else { exact[route.path] = index }
        }
        self.exact = exact
        self.prefixes = prefixes
    }

    /// Whether some route other than `/version` answers without a certificate, so that a handshake without one must succeed.
    var allowsAnonymousClients: Bool {
        routes.contains { route in
            if case .anyone = route.access { route.path != "/version" } else { false }
        }
    }

    /// The route of a decoded path, and where its argument begins, in UTF-8 bytes.
    func find(_ path: String) -> (route: Route, argumentOffset: Int)? {
        if let index = exact[path] { return (routes[index], path.utf8.count) }
        let utf8 = path.utf8
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
        let end = utf8.index(after: slash)
        guard let index = prefixes[String(path[..<end])] else { return nil }
        return (routes[index], utf8.distance(from: utf8.startIndex, to: end))
    }
}
