import SecureBytes

extension ConfigurationReader {
    /// The `keystore:` section: one member, whose name is a plugin's and whose value only the plugin understands.
    func keystore(_ file: ConfigurationSection) -> KeystoreSection? {
        let members = chosen(among: ConfigurationSection.members(of: file.value("keystore"), path: "keystore", diagnostics))
        guard let member = members.first else {
            if file.value("keystore").map({ if case .mapping = $0.content { true } else { false } }) ?? true {
                diagnostics.error(
                    at: file.value("keystore")?.position ?? file.position,
                    "there is no keystore; name a plugin and its configuration, such as 'keystore: { fs: { path: /var/lib/kes/keys } }'"
                )
            }
            return nil
        }
        for other in members.dropFirst() {
            diagnostics.error(
                at: other.namePosition,
                "two keystores: '\(other.shownName)', and '\(member.shownName)' at line \(member.namePosition.line); remove one")
        }
        if !PluginManifest.isValidName(member.name) {
            diagnostics.error(
                at: member.namePosition,
                "'\(member.shownName)' cannot name a plugin; a plugin's name has 1 to 64 characters of a-z 0-9 - _")
        }
        switch member.value.content {
        case .scalar where member.value.isNull:
            // `mem:` with nothing after it: no members.
            return KeystoreSection(name: member.name, configuration: SecretBytes(count: 2) { $0.copyBytes(from: "{}".utf8) })
        case .mapping:
            return KeystoreJSON.encode(member.value, diagnostics).map { KeystoreSection(name: member.name, configuration: $0) }
        case .scalar, .sequence:
            diagnostics.error(
                at: member.value.position,
                "'keystore.\(member.shownName)' must be a mapping with the plugin's configuration and is \(member.value.kind)")
            return nil
        case .unset:
            return nil
        }
    }

    /// Without those that have nothing after their names, where another has: KES takes these for absent, as where somebody has commented out all
    /// that was in one.
    private func chosen(among members: [YAMLNode.Member]) -> [YAMLNode.Member] {
        let configured = members.filter { !$0.value.isNull }
        guard !configured.isEmpty else { return members }
        for member in members where member.value.isNull {
            diagnostics.warning(at: member.namePosition, "'keystore.\(member.shownName)' is empty and passed over; remove it")
        }
        return configured
    }
}
