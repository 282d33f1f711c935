import Credentials

extension ConfigurationReader {
    /// The `policy:` section, in the order of the file.
    func policies(_ file: ConfigurationSection, _ roles: inout IdentityRoles) -> [PolicyDefinition] {
        var policies: [PolicyDefinition] = []
        for member in ConfigurationSection.members(of: file.value("policy"), path: "policy", diagnostics) {
            if !Names.isValid(member.name) {
                diagnostics.error(at: member.namePosition, "the policy name '\(member.name)' is not allowed; \(Names.rule)")
            }
            let section = ConfigurationSection(
                member.value, path: "policy.\(member.name)", known: ["allow", "deny", "identities"],
                position: member.namePosition, diagnostics)
            var policy = PolicyDefinition(name: member.name, allow: patterns("allow", section), deny: patterns("deny", section))
            for (identity, position) in section.identities("identities") {
                if roles.add(identity, as: .member(policy: member.name), at: position) { policy.identities.append(identity) }
            }
            policies.append(policy)
        }
        return policies
    }

    /// Path patterns. One that can match no path is kept, as existing files may hold it, with a warning: a `deny` that denies
    /// nothing is what its author least expects.
    private func patterns(_ name: String, _ policy: ConfigurationSection) -> [String] {
        let reach = RouteReach(routes: knownRoutes)
        return policy.list(name).map { scalar, position in
            let pattern = scalar.text
            if !pattern.hasPrefix("/"), !pattern.hasPrefix("*") {
                diagnostics.warning(
                    at: position,
                    "\(scalar.shown) in '\(policy.path(of: name))' matches no path; a path starts with '/', such as /v1/status")
            } else if pattern.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }) {
                diagnostics.warning(
                    at: position,
                    "'?' and '[' in \(scalar.shown) stand for themselves, which no path contains; only '*' is special")
            } else if !reach.reaches(pattern) {
                // Not of a variable, whose value is not shown.
                let suggestion = scalar.variable == nil ? reach.suggestion(for: pattern) : nil
                let advice = suggestion.map { "did you mean '\($0)'?" } ?? "the server lists its APIs when it starts"
                diagnostics.warning(at: position, "\(scalar.shown) matches no API; \(advice)")
            }
            return pattern
        }
    }
}
