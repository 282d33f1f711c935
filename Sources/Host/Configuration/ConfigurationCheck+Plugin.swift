/// The keystore of a configuration, as far as that can be looked at without opening it.
extension ConfigurationCheck {
    /// Looks for the plugin, and whether the server would load it. Its code runs in a process of its own; what it makes of its
    /// configuration shows only when the keystore is opened.
    ///
    /// For the check alone: a server that starts loads the plugin, and says the same.
    ///
    /// - Parameter explicit: where the operator said that plugins are; else it is the configuration's directory.
    package mutating func checkPlugin(in explicit: String?) {
        let directory = PluginDirectory(explicit: explicit ?? configuration.pluginDirectory)
        if let problem = PluginCatalogue.problem(of: configuration.keystore.name, in: directory) { fail("keystore", problem) }
    }
}
