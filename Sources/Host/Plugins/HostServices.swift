import Logging
import PluginAPI

/// What the server offers to an open keystore: its error log.
final class HostServices: @unchecked Sendable {
    // `@unchecked Sendable` holds because the structure is written in `init` only, and `Logger` is safe on all threads.
    private let logger: Logger
    private let keystore: String
    private let structure: UnsafeMutablePointer<keswick_host>

    init(keystore: String, logger: Logger) {
        self.keystore = keystore
        self.logger = logger
        structure = .allocate(capacity: 1)
        structure.initialize(
            to: keswick_host(
                size: MemoryLayout<keswick_host>.size, context: nil,
                log: { context, level, message in
                    // The plugin hands back the context that it got, and the instance owns the object behind it until close().
                    guard let context, message.data != nil || message.size == 0 else { return }
                    let services = Unmanaged<HostServices>.fromOpaque(context).takeUnretainedValue()
                    services.log(level, UnsafeRawBufferPointer(start: message.data, count: message.size))
                }))
        structure.pointee.context = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { structure.deallocate() }

    /// Valid as long as this object, which must live until the plugin's `close` has returned.
    var pointer: UnsafePointer<keswick_host> { UnsafePointer(structure) }

    private func log(_ level: Int32, _ message: UnsafeRawBufferPointer) {
        let severity: Logger.Level =
            switch level {
            case KESWICK_LOG_DEBUG: .debug
            case KESWICK_LOG_INFO: .info
            case KESWICK_LOG_WARNING: .warning
            default: .error
            }
        logger.log(level: severity, "keystore '\(keystore)': \(OperatorText.decode(message))")
    }
}
