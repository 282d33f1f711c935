import SecureBytes

/// Reads configuration files.
package enum ConfigurationFile {
    /// Reads and checks the file at `path`. The files that it names are not looked at: see `ConfigurationCheck`.
    ///
    /// - Parameters:
    ///   - path: as the user named it, which is how errors name it.
    ///   - environment: what `${NAME}` stands for.
    ///   - knownRoutes: the paths of the API's routes, as the `api:` section may name them.
    ///   - replaced: members such as `tls.key` whose values the caller puts in itself, so that the file may lack them.
    /// - Throws: everything that is wrong with the file.
    package static func load(
        path: String, environment: [String: String], knownRoutes: [String], replaced: Set<String> = []
    ) throws(ConfigurationErrors) -> Configuration {
        try parse(text(of: path), file: path, environment: environment, knownRoutes: knownRoutes, replaced: replaced)
    }

    /// Reads from the file at `path` which keystore it names. It needs no other section.
    ///
    /// - Throws: everything that is wrong with the file, as far as it concerns the keystore.
    package static func loadKeystore(
        path: String, environment: [String: String]
    ) throws(ConfigurationErrors) -> KeystorePlace {
        let diagnostics = Diagnostics(file: path)
        let root = YAMLReader(environment: environment, diagnostics: diagnostics).read(try text(of: path))
        let place = root.flatMap { ConfigurationReader(diagnostics: diagnostics, knownRoutes: []).readKeystore($0) }
        guard let place, !diagnostics.hasErrors else { throw ConfigurationErrors(errors: diagnostics.sortedErrors) }
        return place
    }

    private static func text(of path: String) throws(ConfigurationErrors) -> String {
        do throws(ConfigurationError) {
            return try ConfigurationText.read(path)
        } catch {
            throw ConfigurationErrors(errors: [error])
        }
    }

    /// Checks the text of a configuration file. `file` names it in errors.
    ///
    /// - Throws: everything that is wrong with the text.
    package static func parse(
        _ text: String, file: String, environment: [String: String], knownRoutes: [String], replaced: Set<String> = []
    ) throws(ConfigurationErrors) -> Configuration {
        let diagnostics = Diagnostics(file: file)
        let root = YAMLReader(environment: environment, diagnostics: diagnostics).read(text)
        let reader = ConfigurationReader(diagnostics: diagnostics, knownRoutes: knownRoutes, replaced: replaced)
        let configuration = root.flatMap { reader.read($0) }
        guard let configuration, !diagnostics.hasErrors else {
            throw ConfigurationErrors(errors: diagnostics.sortedErrors)
        }
        return configuration
    }
}
