/// Whether a policy's pattern matches the path of any API, to find misspelt ones.
///
/// What follows a route that takes an argument (`/v1/key/create/`) is free text here, but for `/`: the question is whether the author
/// got the API right. Only a listing goes without one.
struct RouteReach {
    /// The paths of the routes; one that takes an argument ends in `/`.
    let routes: [String]

    /// Whether `pattern` can match a request that an API answers.
    func reaches(_ pattern: String) -> Bool {
        // Two stars in a row are one, and would cost twice the steps for each.
        let bytes = pattern.utf8.reduce(into: [UInt8]()) { if $1 != Self.star || $0.last != Self.star { $0.append($1) } }
        return routes.contains { route in
            Self.reaches(bytes[...], Array(route.utf8)[...], allowsEmpty: route.hasSuffix("/list/"))
        }
    }

    private static let star = UInt8(ascii: "*")
    private static let slash = UInt8(ascii: "/")

    private static func reaches(_ pattern: ArraySlice<UInt8>, _ route: ArraySlice<UInt8>, allowsEmpty: Bool) -> Bool {
        // A star at the end takes all that is left.
        if pattern.count == 1, pattern.first == star { return true }
        guard let next = route.first else { return pattern.isEmpty }
        if route.count == 1, next == slash { return reachesArgument(pattern, allowsEmpty: allowsEmpty) }
        guard let first = pattern.first else { return false }
        guard first == star else {
            return first == next && reaches(pattern.dropFirst(), route.dropFirst(), allowsEmpty: allowsEmpty)
        }
        return reaches(pattern.dropFirst(), route, allowsEmpty: allowsEmpty)
            || next != slash && reaches(pattern, route.dropFirst(), allowsEmpty: allowsEmpty)
    }

    /// Whether what is left of a pattern matches the slash that ends a route, and an argument behind it.
    private static func reachesArgument(_ pattern: ArraySlice<UInt8>, allowsEmpty: Bool) -> Bool {
        let rest = pattern.drop { $0 == star }
        guard rest.first == slash else { return false }
        let argument = rest.dropFirst()
        return !argument.contains(slash) && (allowsEmpty || !argument.isEmpty)
    }

    /// The pattern that was most likely meant, if one is near.
    func suggestion(for pattern: String) -> String? {
        let segments = pattern.split(separator: "/", omittingEmptySubsequences: false)
        var best: (pattern: String, edits: Int)?
        for route in routes {
            let count = route.split(separator: "/", omittingEmptySubsequences: false).count
            let takesArgument = route.hasSuffix("/")
            // As many segments as the route has, and what is left of the pattern as its argument.
            let head = segments.prefix(takesArgument ? count - 1 : segments.count).joined(separator: "/")
            let argument = takesArgument ? segments.dropFirst(count - 1).joined(separator: "/") : ""
            let edits = NearestName.edits(from: head, to: takesArgument ? String(route.dropLast()) : route)
            // Two, however long the path: the paths of APIs resemble each other.
            guard edits <= 2, edits < best?.edits ?? .max, !argument.contains("/") else { continue }
            best = (takesArgument ? route + (argument.isEmpty ? "*" : argument) : route, edits)
        }
        return best?.pattern
    }
}
