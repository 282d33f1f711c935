import Glibc
import Logging
import NIOCore

extension Server {
    /// Takes another configuration into use without dropping a connection or failing a request. Blocks.
    ///
    /// Requests that are there finish with what they began with; those of which a part is missing are decided again. The keystore stays open when its section did not change. When anything of the
    /// new configuration cannot be used, this throws and changes nothing. The address stays: it takes a restart.
    ///
    /// What only reads comes before what may write: opening a keystore may make its files, and the keys of the `keys` section come last
    /// of all. A keystore that fails in the middle of them keeps those that it has stored.
    package func reload(_ configuration: Configuration) throws {
        let old = current.withLockedValue { $0 }
        let logger = logs.logger
        let tls = try CertificateWatch.Loaded(configuration, after: listener.context)
        let keystore: OpenKeystore
        let reopens = !old.configuration.hasSameKeystore(as: configuration)
        if reopens {
            keystore = try OpenKeystore.open(configuration, pluginDirectory: pluginDirectory, logger: logger, figures: figures)
        } else {
            keystore = old.keystore
        }
        do {
            try keystore.createKeys(configuration, on: group.next(), logger: logger)
        } catch {
            if reopens { keystore.close() }
            throw error
        }
        let api = API(
            configuration, keyring: keystore.keyring, logger: logger, audit: logs.audit(configuration.log), feeds: logs.feeds,
            figures: figures, workers: workers, startInstant: startInstant, now: { .now() })

        certificates.use(tls)
        logs.use(configuration.log)
        try workers.use(api, on: group.next()).wait()
        current.withLockedValue { $0 = Current(configuration: configuration, keystore: keystore) }
        if reopens {
            // Every call to it was made before the switch, and is waited for.
            retired.retire(old.keystore)
        } else {
            keystore.keyring.apply(configuration.cache)
        }
        if configuration.address != old.configuration.address {
            logger.warning(
                "the address changed to \(configuration.address): the server goes on listening on \(address) until it is restarted"
            )
        }
        figures.reloaded(successfully: true)
        logger.info("the configuration was reloaded")
    }
}

extension Configuration {
    fileprivate func hasSameKeystore(as other: Configuration) -> Bool {
        keystore.name == other.keystore.name && keystore.configuration == other.keystore.configuration
            && pluginDirectory == other.pluginDirectory
    }
}
