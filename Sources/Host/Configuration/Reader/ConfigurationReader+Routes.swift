extension ConfigurationReader {
    /// The `api:` section, by the paths of the known routes.
    func routeOverrides(_ file: ConfigurationSection) -> [String: RouteOverride] {
        var overrides: [String: RouteOverride] = [:]
        var places: [String: SourcePosition] = [:]
        for member in ConfigurationSection.members(of: file.value("api"), path: "api", diagnostics) {
            let section = ConfigurationSection(
                member.value, path: "api.\(member.shownName)", known: ["skip_auth", "timeout"], position: member.namePosition,
                diagnostics)
            let override = RouteOverride(
                skipAuthentication: section.boolean("skip_auth") ?? false, timeout: section.duration("timeout"))
            // `/v1/key/create` and `/v1/key/create/` mean the same route.
            guard let route = knownRoutes.first(where: { Self.trimmed($0) == Self.trimmed(member.name) }) else {
                let suggestion = NearestName.suggestion(for: member.name, among: knownRoutes)
                diagnostics.error(at: member.namePosition, "'api' has no route '\(member.shownName)'; \(suggestion)")
                continue
            }
            if let first = places[route] {
                diagnostics.error(
                    at: member.namePosition, "the route '\(route)' is given twice, first at line \(first.line); keep one of them")
                continue
            }
            places[route] = member.namePosition
            overrides[route] = override
            if override.skipAuthentication, !Self.routesThatTellState.contains(route) {
                diagnostics.warning(
                    at: section.value("skip_auth")?.position ?? member.namePosition,
                    "'skip_auth' lets everyone who reaches the server call '\(route)', without a certificate or a policy")
            }
        }
        return overrides
    }

    /// Routes that reveal the state of the server and nothing of its keys, which monitoring may want without a certificate.
    private static let routesThatTellState: Set<String> = ["/version", "/v1/ready", "/v1/status", "/v1/metrics", "/v1/api"]

    private static func trimmed(_ path: String) -> Substring {
        path.count > 1 && path.hasSuffix("/") ? path.dropLast() : path[...]
    }
}
