import CLinux
import Glibc

/// The process that loads the plugin, runs one check or one step of one, and tells the runner what it saw.
package enum Worker {
    /// What the runner says on the command line. The configuration, which may hold credentials, comes on standard input.
    package struct Order: Sendable {
        package var library: String
        /// A rule's id, or one of `Procedure`.
        package var procedure: String
        package var seed: UInt64
        package var prefix: String
        package var isFresh: Bool
        /// The file of `Progress`.
        package var progress: String

        package init(library: String, procedure: String, seed: UInt64, prefix: String, isFresh: Bool, progress: String) {
            self.library = library
            self.procedure = procedure
            self.seed = seed
            self.prefix = prefix
            self.isFresh = isFresh
            self.progress = progress
        }
    }

    /// Where the runner listens.
    static let reportDescriptor: Int32 = 3

    /// Does what was ordered, and ends the process.
    package static func run(_ order: Order) -> Never {
        // A runner that is killed cannot end it.
        _ = keswick_end_with_parent()
        guard let progress = Progress(file: order.progress), let configuration = Commands.block() else { _exit(2) }
        let library: Library
        do throws(Library.Problem) {
            library = try Library(path: order.library, progress: progress)
        } catch {
            let line = Finding(.failed, error.rule, error.text).line + Finding(.finished, nil, "").line
            _ = line.utf8CString.withUnsafeBytes { write(reportDescriptor, $0.baseAddress, $0.count - 1) }
            _exit(0)
        }
        let session = Session(
            library: library, configuration: configuration, seed: order.seed, prefix: order.prefix, isFresh: order.isFresh,
            progress: progress, report: reportDescriptor)
        session.tell(
            "plugin \(library.name) \(library.version) \(library.isSerial ? "serial" : "-") \(library.isDurable ? "durable" : "-")"
        )
        let procedure = Procedure(rawValue: order.procedure)
        let check = Check.all.first { $0.rule.id == order.procedure }
        guard procedure != nil || check != nil else { _exit(2) }
        do {
            try procedure?.run(session)
            try check?.run(session)
        } catch {
            // What stopped it was reported where it was seen; if that was about another rule, nothing is known of this one.
            if let check { session.skip(check.rule, "the check could not go on: see what failed") }
        }
        session.finish()
        // Past the destructors of the library: only its functions are looked at.
        _exit(0)
    }
}

/// What the runner says while the worker runs, on standard input.
enum Commands {
    /// A line with a number, and so many bytes; nil when the runner is gone.
    static func block() -> [UInt8]? {
        guard let line = line(), let count = Int(line), count >= 0 else { return nil }
        var bytes: [UInt8] = []
        while bytes.count < count {
            guard let byte = byte() else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// A line without its end.
    static func line() -> String? {
        var bytes: [UInt8] = []
        while let byte = byte() {
            if byte == 0x0a { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    private static func byte() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = read(STDIN_FILENO, &byte, 1)
            if count == 1 { return byte }
            if count < 0, errno == EINTR { continue }
            return nil
        }
    }
}
