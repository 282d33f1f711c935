import Credentials
import SecureBytes

/// Turns the tree of a file into a `Configuration`, one method per section. It goes on after an error, to find the others.
struct ConfigurationReader {
    let diagnostics: Diagnostics
    let knownRoutes: [String]
    /// Members whose values come from elsewhere: the file may lack them.
    var replaced: Set<String> = []

    /// nil when something is missing that nothing can stand for. Whatever is wrong was said to the diagnostics, which may have
    /// errors although there is a result.
    func read(_ root: YAMLNode) -> Configuration? {
        guard let file = file(root, needing: "'admin', 'tls' and 'keystore'") else { return nil }
        let address = listenAddress(file)
        var roles = IdentityRoles(diagnostics: diagnostics)
        let admin = administrator(file, &roles)
        let tls = tls(file, &roles)
        let policies = policies(file, &roles)
        let cache = cacheExpiry(file)
        let routes = routeOverrides(file)
        let log = logLevels(file)
        let keys = predefinedKeys(file)
        let keystore = keystore(file)
        let plugins = pluginDirectory(file)
        guard let tls, let keystore else { return nil }
        var configuration = Configuration(
            address: address ?? .default, admin: admin, tls: tls, policies: policies, cache: cache, routes: routes, log: log,
            predefinedKeys: keys, keystore: keystore, pluginDirectory: plugins)
        configuration.origin = ConfigurationOrigin(
            file: diagnostics.file, positions: positions(file), warnings: diagnostics.sortedWarnings)
        configuration.origin.identities = roles.positions
        for policy in policies {
            configuration.origin.positions["policy.\(policy.name)"] = file.descendant(["policy", policy.name])?.position
        }
        return configuration
    }

    /// The keystore alone: what else is in the file, or is not, does not matter.
    func readKeystore(_ root: YAMLNode) -> KeystorePlace? {
        guard let file = file(root, needing: "'keystore'"), let keystore = keystore(file) else { return nil }
        return KeystorePlace(file: diagnostics.file, keystore: keystore, pluginDirectory: pluginDirectory(file))
    }

    private func file(_ root: YAMLNode, needing needed: String) -> ConfigurationSection? {
        if case .unset = root.content { return nil }
        guard case .mapping = root.content else {
            let what = root.isNull ? "empty" : root.kind
            diagnostics.error(at: root.position, "the file is \(what); it must be a mapping with at least \(needed)")
            return nil
        }
        let file = ConfigurationSection(
            root, path: "",
            known: ["version", "address", "admin", "tls", "policy", "cache", "api", "log", "keys", "keystore", "plugins"],
            position: .start, diagnostics)
        checkVersion(file)
        return file
    }

    private func pluginDirectory(_ file: ConfigurationSection) -> String? {
        file.section("plugins", known: ["directory"]).text("directory")?.text
    }

    private func checkVersion(_ file: ConfigurationSection) {
        guard let (version, position) = file.scalar("version"), !version.text.isEmpty, version.text != "v1" else { return }
        diagnostics.error(at: position, "'version' is \(version.shown); the only one is v1, which may be left out")
    }

    private func listenAddress(_ file: ConfigurationSection) -> ListenAddress? {
        guard let (scalar, position) = file.scalar("address"), !scalar.text.isEmpty else { return nil }
        do throws(ListenAddress.Problem) {
            return try ListenAddress(parsing: scalar.text)
        } catch {
            let reason = scalar.isShown ? error.message : "which is no address to listen on; write ip:port, such as 0.0.0.0:7373"
            diagnostics.error(at: position, "'address' is \(scalar.shown), \(reason)")
            return nil
        }
    }

    private func administrator(_ file: ConfigurationSection, _ roles: inout IdentityRoles) -> Identity? {
        let admin = file.section("admin", known: ["identity"])
        guard let (scalar, position) = admin.scalar("identity"), !scalar.text.isEmpty else {
            let isEmpty = !admin.has("identity") || admin.scalar("identity")?.scalar.text.isEmpty == true
            if isEmpty, !replaced.contains("admin.identity") {
                diagnostics.error(
                    at: admin.position,
                    "'admin.identity' is missing; write the identity that 'kes identity of FILE' prints, or 'disabled' for no administrator"
                )
            }
            return nil
        }
        guard let identity = Identity(scalar.text) else {
            guard !admin.refusesAPIKey(scalar.text, "identity", at: position) else { return nil }
            // Any text but an identity switches the administrator off. One that was meant to be an identity should not.
            // A fingerprint has colons between its digits.
            let digits = scalar.text.utf8.filter { $0 != UInt8(ascii: ":") }
            if digits.count >= 32, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) {
                diagnostics.warning(
                    at: position,
                    "'admin.identity' is no identity (64 lower-case hexadecimal digits), so that there is no administrator; "
                        + "if that is meant, write 'disabled'")
            }
            return nil
        }
        roles.add(identity, as: .administrator, at: position)
        return identity
    }

    private func cacheExpiry(_ file: ConfigurationSection) -> CacheExpiry {
        let expiry = file.section("cache", known: ["expiry"]).section("expiry", known: ["any", "unused", "offline"])
        let defaults = CacheExpiry()
        return CacheExpiry(
            any: expiry.duration("any") ?? defaults.any,
            unused: expiry.duration("unused") ?? defaults.unused,
            offline: expiry.duration("offline") ?? defaults.offline)
    }

    private func logLevels(_ file: ConfigurationSection) -> LogLevels {
        let log = file.section("log", known: ["error", "audit"])
        let defaults = LogLevels()
        return LogLevels(error: level("error", log, or: defaults.error), audit: level("audit", log, or: defaults.audit))
    }

    private func level(_ name: String, _ log: ConfigurationSection, or default: LogLevels.Level?) -> LogLevels.Level? {
        guard let (scalar, position) = log.scalar(name), !scalar.text.isEmpty else { return `default` }
        switch scalar.text.lowercased() {
        case "debug": return .debug
        case "info": return .info
        case "warn": return .warning
        case "error": return .error
        default: break
        }
        guard let isOn = ConfigurationSection.boolean(scalar.text) else {
            diagnostics.error(at: position, "'log.\(name)' is \(scalar.shown); write on, off, DEBUG, INFO, WARN or ERROR")
            return `default`
        }
        return isOn ? .info : nil
    }

    private func predefinedKeys(_ file: ConfigurationSection) -> [String] {
        var places: [String: SourcePosition] = [:]
        var names: [String] = []
        for (index, element) in file.elements("keys").enumerated() {
            let key = ConfigurationSection(
                element, path: "keys[\(index)]", known: ["name"], position: element.position, diagnostics)
            guard let (scalar, position) = key.scalar("name") else {
                if case .mapping = element.content, !key.has("name") {
                    diagnostics.error(at: element.position, "'keys[\(index)].name' is missing; write '- name: my-key'")
                }
                continue
            }
            guard Names.isValid(scalar.text) else {
                diagnostics.error(at: position, "the key name \(scalar.shown) is not allowed; \(Names.rule)")
                continue
            }
            if let first = places[scalar.text] {
                diagnostics.error(
                    at: position, "the key \(scalar.shown) is defined twice, first at line \(first.line); remove one")
                continue
            }
            places[scalar.text] = position
            names.append(scalar.text)
        }
        return names
    }

    /// Where the values are that can turn out to be wrong only when the server looks beyond the file.
    private func positions(_ file: ConfigurationSection) -> [String: SourcePosition] {
        var positions: [String: SourcePosition] = [:]
        for path in ["address", "tls", "tls.key", "tls.cert", "tls.password", "tls.ca", "keystore", "plugins.directory"] {
            let names = path.split(separator: ".").map(String.init)
            positions[path] = file.descendant(names)?.position
        }
        return positions
    }
}
