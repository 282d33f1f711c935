import Foundation
import Glibc

/// What a command that ran to its end gave.
package struct CommandResult: Sendable {
    /// The exit code, or minus the number of the signal that ended it.
    package var code: Int32
    package var output: [UInt8]
    package var error: [UInt8]

    package var text: String { String(decoding: output, as: UTF8.self) }
    package var errorText: String { String(decoding: error, as: UTF8.self) }
}

/// Runs a command to its end, `input` being all of its standard input.
@discardableResult
package func run(
    _ executable: String, _ arguments: [String] = [], input: [UInt8] = [], environment: [String: String?] = [:],
    directory: String? = nil
) throws -> CommandResult {
    // A command that ends before it has read its input must not end the tests.
    signal(SIGPIPE, SIG_IGN)
    let process = try Subprocess(executable, arguments, environment: environment, directory: directory)
    if input.count > 4096 {
        // More than a pipe may hold: written beside the reading, or both sides would wait. A thread, because tests that block may
        // have taken all of the concurrency pool's.
        let writer = Thread {
            process.write(input)
            process.closeInput()
        }
        writer.start()
        let (output, error) = process.collect()
        return CommandResult(code: process.wait(), output: output, error: error)
    }
    process.write(input)
    process.closeInput()
    let (output, error) = process.collect()
    return CommandResult(code: process.wait(), output: output, error: error)
}

/// Whether there is such a program on the PATH. For the traits of tests that cannot do without: a skipped test shows, a return does not.
package func isInstalled(_ program: String) -> Bool {
    (try? run("sh", ["-c", "command -v \"$0\"", program]))?.code == 0
}

/// Where the build put `kes`, the plugins and the tests: the directory of the running test program or of its bundle.
package func buildDirectory() -> String {
    for candidate in CommandLine.arguments + [programPath()] {
        var directory = candidate
        while let slash = directory.lastIndex(of: "/") {
            directory = String(directory[..<slash])
            if access("\(directory)/kes", X_OK) == 0 { return directory }
        }
    }
    return ".build/release"
}

/// The built command line.
package func kesPath() -> String { "\(buildDirectory())/kes" }

private func programPath() -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
