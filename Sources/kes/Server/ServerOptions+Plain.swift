extension ServerOptions {
    /// What `kes server --config FILE` was told, perhaps with `--addr` and `--plugins`; nil for any other command line, which is ArgumentParser's to
    /// read and to refuse.
    ///
    /// ArgumentParser finds the commands and their options by reflection, which took a third of the time that a server needs to start.
    init?(plain arguments: some Collection<String>) {
        guard arguments.first == "server" else { return nil }
        var values: [String: String] = [:]
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard ["--config", "--addr", "--plugins"].contains(parts[0]) else { return nil }
            guard let value = parts.count > 1 ? parts[1] : rest.popFirst(), !value.isEmpty, !value.hasPrefix("-") else {
                return nil
            }
            guard values.updateValue(value, forKey: parts[0]) == nil else { return nil }
        }
        guard let file = values["--config"] else { return nil }
        self.init(
            address: values["--addr"], configurationFile: file, isDevelopment: false, isCheck: false,
            pluginDirectory: values["--plugins"],
            deprecated: Deprecated())
    }
}
