import Credentials

extension ConfigurationReader {
    /// The `policy:` section, in the order of the file.
    func policies(_ file: ConfigurationSection, _ roles: inout IdentityRoles) -> [PolicyDefinition] {
        var policies: [PolicyDefinition] = []
        for member in ConfigurationSection.members(of: file.value("policy"), path: "policy", diagnostics) {
            if !Names.isValid(member.name) {
                diagnostics.error(at: member.namePosition, "the policy name '\(member.shownName)' is not allowed; \(Names.rule)")
            }
            let section = ConfigurationSection(
                member.value, path: "policy.\(member.shownName)", known: ["allow", "deny", "identities"],
                position: member.namePosition, diagnostics)
            let denials = section.list("deny")
            var policy = PolicyDefinition(
                name: member.name, allow: patterns(section.list("allow"), of: section.path(of: "allow")),
                deny: patterns(denials, of: section.path(of: "deny")))
            checkBulkDecryption(of: policy, denials)
            for (identity, position) in section.identities("identities") {
                if roles.add(identity, as: .member(policy: member.shownName), at: position) { policy.identities.append(identity) }
            }
            policies.append(policy)
        }
        return policies
    }

    /// Path patterns. One that can match no path is kept, as existing files may hold it, with a warning: a `deny` that denies
    /// nothing is what its author least expects.
    private func patterns(_ scalars: [(scalar: YAMLScalar, position: SourcePosition)], of list: String) -> [String] {
        let reach = RouteReach(routes: knownRoutes)
        return scalars.map { scalar, position in
            let pattern = scalar.text
            if !pattern.hasPrefix("/"), !pattern.hasPrefix("*") {
                diagnostics.warning(
                    at: position,
                    "\(scalar.shown) in '\(list)' matches no path; a path starts with '/', such as /v1/status")
            } else if pattern.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }) {
                diagnostics.warning(
                    at: position,
                    "'?' and '[' in \(scalar.shown) stand for themselves, which no path contains; only '*' is special")
            } else if !reach.reaches(pattern) {
                let suggestion = scalar.isShown ? reach.suggestion(for: pattern) : nil
                let advice = suggestion.map { "did you mean '\($0)'?" } ?? "the server lists its APIs when it starts"
                diagnostics.warning(at: position, "\(scalar.shown) matches no API; \(advice)")
            }
            return pattern
        }
    }

    /// `/v1/key/*/secret*` looks as if it were about everything that is done with a key, and `/v1/key/decrypt/secret*` about decryption. Neither
    /// matches `/v1/key/bulk/decrypt/`, which decrypts as well.
    private func checkBulkDecryption(of policy: PolicyDefinition, _ denials: [(scalar: YAMLScalar, position: SourcePosition)]) {
        let bulk = "/v1/key/bulk/decrypt/"
        let (allow, deny) = (policy.allow.map { Pattern($0) }, policy.deny.map { Pattern($0) })
        for (scalar, position) in denials {
            let segments = scalar.text.split(separator: "/", omittingEmptySubsequences: false)
            // What the pattern says of names, tried with one of them.
            guard segments.count == 5, let names = segments.last, !names.isEmpty else { continue }
            let name = names.replacing("*", with: "x")
            guard Pattern(scalar.text).matches("/v1/key/decrypt/" + name), !deny.contains(where: { $0.matches(bulk + name) }),
                allow.contains(where: { $0.matches(bulk + name) })
            else { continue }
            let advice = scalar.isShown ? "'\(bulk)\(names)'" : "the same names there"
            diagnostics.warning(
                at: position,
                "\(scalar.shown) denies decryption and not \(bulk), which decrypts too and which 'allow' lets pass; deny \(advice) as well"
            )
        }
    }
}
