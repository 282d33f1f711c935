import SecureBytes

/// An open keystore, as functions that block: in this process (`PluginInstance`) or in one of its own (`IsolatedInstance`). The rest of
/// the server cannot tell which.
protocol KeystoreInstance: Sendable {
    /// Must be called once, after all other calls have returned, and be the last one.
    func close()
    /// Ends what does not end by itself, as far as that can be done without harm: after `close`, or calls, did not return in time.
    func abandon()
    func create(_ name: String, _ value: SecretBytes, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure>
    func get(_ name: String, _ deadline: MonotonicTime) -> Result<SecretBytes, KeystoreFailure>
    func delete(_ name: String, _ deadline: MonotonicTime) -> Result<Void, KeystoreFailure>
    func list(prefix: String, after: String, limit: Int, _ deadline: MonotonicTime) -> Result<[String], KeystoreFailure>
    /// Returns how long the plugin took to answer.
    func status(_ deadline: MonotonicTime) -> Result<Duration, KeystoreFailure>
}
