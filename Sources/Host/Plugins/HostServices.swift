import Logging
import NIOConcurrencyHelpers
import PluginAPI

/// What the server offers to an open keystore: its error log.
final class HostServices: @unchecked Sendable {
    // `@unchecked Sendable` holds because what it points to is written in `init` only.
    private struct Line {
        var keystore: String
        var logger: Logger
    }

    private struct Registry {
        var lines: [UInt: Line] = [:]
        var made: UInt = 0
    }

    /// Whose log is whose. A plugin gets the number, so that one whose threads go on after `close` reaches nothing that is gone.
    private static let registry = NIOLockedValueBox(Registry())

    /// No other has it that is there, or of the last 60,000 that were.
    let number: UInt
    /// For the plugin. A thread of its own may read it after `close`: it stays, with its 24 bytes, until the process ends.
    let pointer: UnsafePointer<keswick_host>

    init(keystore: String, logger: Logger) {
        let number = Self.registry.withLockedValue { registry in
            repeat { registry.made = registry.made % 0xffff + 1 } while registry.lines[registry.made] != nil
            registry.lines[registry.made] = Line(keystore: keystore, logger: logger)
            return registry.made
        }
        self.number = number
        let structure = UnsafeMutablePointer<keswick_host>.allocate(capacity: 1)
        structure.initialize(
            to: keswick_host(
                size: MemoryLayout<keswick_host>.size, context: UnsafeMutableRawPointer(bitPattern: number),
                log: { context, level, message in
                    let number = UInt(bitPattern: context)
                    if let problem = message.problem {
                        let text = "the plugin breaks its contract with a line for the log: \(problem)"
                        return HostServices.log(.error, text, number: number)
                    }
                    let bytes = UnsafeRawBufferPointer(start: message.data, count: message.size)
                    HostServices.log(HostServices.severity(level), OperatorText.decode(bytes), number: number)
                }))
        pointer = UnsafePointer(structure)
    }

    /// Nothing is logged from here on.
    deinit { Self.registry.withLockedValue { _ = $0.lines.removeValue(forKey: number) } }

    /// Writes a line in the name of the keystore whose services have the number. Nothing when they are gone.
    static func log(_ level: Logger.Level, _ text: @autoclosure () -> String, number: UInt) {
        guard let line = registry.withLockedValue({ $0.lines[number] }) else { return }
        line.logger.log(level: level, "keystore '\(line.keystore)': \(text())")
    }

    private static func severity(_ level: Int32) -> Logger.Level {
        switch level {
        case KESWICK_LOG_DEBUG: .debug
        case KESWICK_LOG_INFO: .info
        case KESWICK_LOG_WARNING: .warning
        default: .error
        }
    }
}
