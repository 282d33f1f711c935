import PluginAPI

/// Writes lines to the server's error log. Usable from any thread until the keystore is closed.
public struct HostLog: @unchecked Sendable {
    // `@unchecked Sendable` holds because the ABI lets any thread use the host's services until close() returns, and the
    // pointer is never written through.
    private let host: UnsafePointer<keswick_host>?

    init(_ host: UnsafePointer<keswick_host>?) { self.host = host }

    public func debug(_ message: String) { write(KESWICK_LOG_DEBUG, message) }
    public func info(_ message: String) { write(KESWICK_LOG_INFO, message) }
    public func warning(_ message: String) { write(KESWICK_LOG_WARNING, message) }
    public func error(_ message: String) { write(KESWICK_LOG_ERROR, message) }

    private func write(_ level: Int32, _ message: String) {
        guard let host, let log = host.pointee.log else { return }
        var message = message
        message.withUTF8 { log(host.pointee.context, level, keswick_bytes(data: $0.baseAddress, size: $0.count)) }
    }
}
