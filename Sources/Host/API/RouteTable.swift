import Glibc
import NIOCore

/// Finds the route of a path. Immutable: a new configuration makes a new table.
struct RouteTable: Sendable {
    /// All routes, sorted by path.
    let routes: [Route]
    /// The paths again, one after another, with where each begins and ends: they are compared for every request.
    private let paths: [UInt8]
    private let bounds: [Range<Int>]
    /// Whether the configuration opens some route to everybody (`skip_auth`), so that a handshake without a certificate must succeed.
    /// `/version`, which needs no policy, does not open it by itself.
    let allowsAnonymousClients: Bool

    /// - Parameters:
    ///   - routes: The API's rows.
    ///   - overrides: The `api:` section of the configuration, by path; a path that takes an argument may be written with or
    ///     without its final `/`.
    init(routes: [Route], overrides: [String: RouteOverride] = [:]) {
        let sorted = routes.sorted { Array($0.path.utf8).lexicographicallyPrecedes(Array($1.path.utf8)) }
        self.routes = sorted.enumerated().map { row, route in
            let bare = route.takesArgument ? overrides[String(route.path.dropLast())] : nil
            return route.placed(at: row, overrides[route.path] ?? bare)
        }
        var paths: [UInt8] = []
        bounds = self.routes.map { route in
            let start = paths.count
            paths += route.path.utf8
            return start..<paths.count
        }
        self.paths = paths
        // The reader of the configuration lets no path through that is no route's.
        allowsAnonymousClients = overrides.values.contains { $0.skipAuthentication }
    }

    /// The API as a configuration wants it.
    init(_ configuration: Configuration) {
        self.init(routes: Host.routes, overrides: configuration.routes)
    }

    /// The route of a decoded path, and where its argument begins, in UTF-8 bytes.
    func find(_ path: String) -> (route: Route, argumentOffset: Int)? {
        // Native strings, which all strings on Linux are, lend their bytes: nothing is copied.
        var path = path
        let found = path.withUTF8 { path -> (row: Int, argumentOffset: Int)? in
            guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return nil }
            if slash + 1 < path.count, let row = row(of: path) { return (row, path.count) }
            return row(of: UnsafeBufferPointer(rebasing: path[...slash])).map { ($0, slash + 1) }
        }
        return found.map { (routes[$0.row], $0.argumentOffset) }
    }

    /// The row whose path has just these bytes. A look at each row's length costs less than the hash of a path.
    private func row(of path: UnsafeBufferPointer<UInt8>) -> Int? {
        paths.withUnsafeBufferPointer { paths in
            bounds.firstIndex { bounds in
                guard bounds.count == path.count, let one = paths.baseAddress, let other = path.baseAddress else { return false }
                return memcmp(one + bounds.lowerBound, other, bounds.count) == 0
            }
        }
    }
}
