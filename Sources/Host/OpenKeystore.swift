import Envelope
import Logging
import NIOCore

/// The keystore that the configuration names, opened, and the keyring over it.
final class OpenKeystore: Sendable {
    let plugin: KeystorePlugin
    let keyring: Keyring
    private let bridge: KeystoreBridge
    private let figures: ServerFigures

    /// How long a keystore may take to open, and to store a predefined key.
    private static let startLimit = Duration.seconds(30)
    /// How long calls in flight may take when the server stops, which has waited for its requests already.
    static let closeLimit = Duration.seconds(5)

    private init(bridge: KeystoreBridge, expiry: CacheExpiry, logger: Logger, figures: ServerFigures) {
        plugin = bridge.plugin
        self.bridge = bridge
        self.figures = figures
        keyring = Keyring(
            keystore: bridge, expiry: expiry, logger: logger, observer: { figures.keystoreCalled($0, $1, $2) })
        figures.opened(keyring)
    }

    static func open(
        _ configuration: Configuration, pluginDirectory: String?, logger: Logger, figures: ServerFigures
    ) throws -> OpenKeystore {
        let bridge = try bridge(
            configuration.keystore, in: PluginDirectory(explicit: pluginDirectory ?? configuration.pluginDirectory),
            logger: logger)
        return OpenKeystore(bridge: bridge, expiry: configuration.cache, logger: logger, figures: figures)
    }

    /// Opens the keystore alone, without a keyring over it. Blocks.
    static func bridge(
        _ keystore: KeystoreSection, in directory: PluginDirectory, logger: Logger
    ) throws(PluginError) -> KeystoreBridge {
        let plugin = try PluginLoader.load(keystore.name, from: directory)
        return try KeystoreBridge.open(
            plugin, configuration: keystore.configuration, timeout: startLimit, logger: logger)
    }

    /// Creates the keys of the configuration's `keys` section that are missing. Blocks.
    func createKeys(_ configuration: Configuration, on eventLoop: any EventLoop, logger: Logger) throws {
        for name in configuration.predefinedKeys {
            let key = try Key(generating: .preferred, createdAt: .now(), createdBy: configuration.admin?.description ?? "")
            do {
                try keyring.create(name, key: key, timeout: Self.startLimit, on: eventLoop).wait()
                logger.notice("created the predefined key", metadata: ["key": "\(name)"])
            } catch let error as KeyringError {
                if case .keyExists = error { continue }
                throw ServerError("cannot create the key '\(name)' of the configuration's keys section: \(error)")
            }
        }
    }

    /// Drops expired keys, and asks after a keystore that is out of reach. Blocks: to wipe 50,000 keys that expire together takes 124 ms.
    func keepUp() {
        keyring.removeExpired()
        keyring.probe()
    }

    /// Waits for the calls that still run, and closes the keystore. Blocks, but not for longer than `limit`.
    func close(within limit: Duration = closeLimit) {
        bridge.close(within: limit)
        figures.closed(keyring)
    }
}
