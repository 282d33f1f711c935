/// A keystore, as a plugin author writes it: opaque values under short names.
///
/// Conform a type to this protocol and export it with one function, at the top level of the module that becomes the shared
/// library:
///
/// ```swift
/// import PluginKit
///
/// @c(keswick_keystore_plugin)
/// public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(MyStore.self) }
/// ```
///
/// Declare the product as `.library(name: "MyStore", type: .dynamic, targets: ["MyStore"])`, and give the server a manifest
/// `my.yml` with `name: my` and `library: libMyStore.so`.
///
/// What the kit does before a call reaches the keystore: names, prefixes and the size of values are checked (INVALID), the
/// deadline has not passed (TIMEOUT), the configuration is well-formed JSON and has no member but `configurationMembers`.
/// What it does after: an error becomes the ABI's result and its message goes to the operator's log.
///
/// What is left to the keystore:
/// - **Threads.** All functions but `init` and `close` are called from several threads at once, for as long as
///   `capabilities` does not say `serial`; hence `Sendable`.
/// - **Atomicity.** Of any number of creates of one name at once, from threads and processes, exactly one returns. After a
///   create that threw, neither `get` nor `list` shows anything of it.
/// - **Secrets.** A value is key material. Keep copies in `SecretValue`, which wipes them, and never put one in a message.
/// - **Time.** A call may block; it should throw `KeystoreError.timeout` soon after its deadline.
public protocol Keystore: Sendable {
    /// What the server's configuration calls this keystore under `keystore:`. 1 to 64 bytes of `a-z 0-9 - _`.
    static var name: StaticString { get }

    /// The plugin's own version, for people.
    static var version: StaticString { get }

    /// What the keystore promises or asks for. None by default.
    static var capabilities: Capabilities { get }

    /// The members that the configuration may have at its top level; `init` is not called when it has others.
    static var configurationMembers: [String] { get }

    /// Opens the keystore.
    ///
    /// - Throws: `KeystoreError` of kind `invalid` (the configuration cannot be used), `unreachable`, `timeout`, `denied`,
    ///   `corrupt` or `internal`. Nothing may stay open then.
    init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError)

    /// Stores `value` under `name` if and only if the name is free.
    ///
    /// - Parameter value: 0 to 1,048,576 bytes, each of any value. They belong to the caller and cannot outlive the call.
    /// - Throws: `KeystoreError.exists` when the name is taken.
    func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError)

    /// The exact bytes that `create` stored under `name`.
    ///
    /// - Throws: `KeystoreError.notFound` when there is no such name.
    func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue

    /// Removes `name` and its value.
    ///
    /// - Throws: `KeystoreError.notFound` when there is no such name.
    func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError)

    /// The first `limit` names, in bytewise ascending order, that begin with `prefix` and are greater than `after`.
    ///
    /// An empty prefix fits all names, an empty `after` skips none. Fewer than `limit` names mean that there are no more.
    /// A name that exists from the first page to the last must be given exactly once, whatever changes between.
    func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName]

    /// Returns when the backend can be reached and used now. Called every few seconds: keep it cheap.
    func status(deadline: Deadline) throws(KeystoreError)

    /// Called once, after all other calls have returned and before the last reference goes. Does nothing by default: a
    /// class may as well clean up in `deinit`.
    func close()
}

extension Keystore {
    public static var capabilities: Capabilities { [] }
    public static var configurationMembers: [String] { [] }
    public func close() {}
}

/// What a keystore promises or asks for: the flags of the ABI's table.
public struct Capabilities: OptionSet, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Call at most one function of an instance at a time (`KESWICK_SERIAL`).
    public static let serial = Capabilities(rawValue: 1 << 0)

    /// A create or delete that returned survives a crash of the machine (`KESWICK_DURABLE`).
    public static let durable = Capabilities(rawValue: 1 << 1)
}
