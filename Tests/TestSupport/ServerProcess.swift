import Glibc

/// A `kes server` that a test started, as a process of its own.
package final class ServerProcess: Sendable {
    /// The server ended instead of listening.
    package struct NotStarted: Error, CustomStringConvertible {
        package var code: Int32
        package var errorText: String
        package var description: String { "the server ended with \(code): \(errorText)" }
    }

    /// A line that a test waited for did not come.
    package struct MissingLine: Error {
        package var text: String
        package var lines: String
    }

    package let deployment: Deployment
    package let port: Int
    package let process: Subprocess
    /// Standard output and the error log go to these files, so that nothing that the server writes waits for the test.
    package let auditFile: String
    package let errorFile: String

    package var endpoint: String { "https://127.0.0.1:\(port)" }

    /// Starts a server with the deployment's configuration and waits until it listens.
    ///
    /// - Parameters:
    ///   - runner: A command that runs the server in its place: `setpriv`, `prlimit`.
    ///   - standardOutput: where audit events go instead of `auditFile`. Stays the caller's.
    package init(
        _ deployment: Deployment, runner: [String] = [], arguments: [String] = [], environment: [String: String?] = [:],
        standardOutput: Int32? = nil
    ) throws {
        self.deployment = deployment
        let number = deployment.directory.nextNumber()
        auditFile = deployment.directory.file("audit-\(number).log")
        errorFile = deployment.directory.file("error-\(number).log")
        let output = open(auditFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard output >= 0 else { throw SystemError("open \(auditFile)", errno) }
        defer { close(output) }
        let command = runner + [kesPath(), "server", "--config", deployment.configuration] + arguments
        process = try Subprocess(
            command[0], Array(command.dropFirst()), environment: environment, output: standardOutput ?? output)
        let banner = try Self.waitForBanner(of: process)
        port = banner.port
        process.drainError(to: errorFile, after: Array(banner.text.utf8))
    }

    /// Waits until a `kes server` listens, and gives what it has printed by then.
    package static func waitForBanner(of process: Subprocess) throws -> (port: Int, text: String) {
        var text = ""
        while true {
            let bytes = process.readError()
            guard !bytes.isEmpty else { throw NotStarted(code: process.wait(), errorText: text) }
            text += String(decoding: bytes, as: UTF8.self)
            if let port = port(in: text) { return (port, text) }
        }
    }

    /// Waits for an event in the audit log that holds `text`, and returns its line.
    package func auditEvent(containing text: String) throws -> String {
        try line(containing: text, of: auditFile)
    }

    /// Waits for a line of the error log that holds `text`, and returns it.
    @discardableResult
    package func errorLine(containing text: String) throws -> String {
        try line(containing: text, of: errorFile)
    }

    /// Waits for a line of a growing file that holds `text`, and returns it.
    @discardableResult
    package func line(containing text: String, of file: String) throws -> String {
        // What never comes must not stop the tests for ever.
        let follower = try Subprocess("timeout", ["300", "tail", "-n", "+1", "-F", file])
        var lines = ""
        while true {
            if lines.hasSuffix("\n"), let line = lines.split(separator: "\n").first(where: { $0.contains(text) }) {
                return String(line)
            }
            let bytes = follower.readOutput()
            guard !bytes.isEmpty else { throw MissingLine(text: text, lines: lines) }
            lines += String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Sends a signal and waits for the end. The exit code, or minus the signal that ended it.
    @discardableResult
    package func stop(_ signal: Int32 = SIGTERM) -> Int32 {
        process.signal(signal)
        return process.wait()
    }

    /// What the server occupies, in kilobytes, by a name of proc(5): `VmRSS`, or `VmHWM` for the most that it was.
    package func memory(_ name: String) throws -> Int {
        let text = String(decoding: try readFile("/proc/\(process.pid)/status"), as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") }),
            let figure = Int(line.filter(\.isNumber))
        else { throw MissingLine(text: name, lines: text) }
        return figure
    }

    /// Calls the server with curl, as a client. `arguments` come before the URL.
    package func curl(_ path: String, as client: Deployment.Client?, _ arguments: [String] = [], input: [UInt8] = []) throws
        -> CurlResult
    {
        var all = ["-sS", "--max-time", "60", "--cacert", deployment.serverCertificate, "-w", "\n%{http_version} %{http_code}"]
        if let client { all += ["--cert", client.certificate, "--key", client.key] }
        let result = try run("curl", all + arguments + ["\(endpoint)\(path)"], input: input)
        return CurlResult(result)
    }

    /// Calls the server with curl for all URLs of a curl configuration text, over as few connections as curl can. The status codes.
    package func curlConfiguration(_ text: String, as client: Deployment.Client) throws -> [Int] {
        let arguments = [
            "-sS", "--max-time", "300", "--cacert", deployment.serverCertificate, "--cert", client.certificate, "--key",
            client.key,
            "-w", "\n%{http_code}\n", "-K", "-",
        ]
        return try run("curl", arguments, input: Array(text.utf8)).text.split(separator: "\n").compactMap { Int($0) }
    }

    /// Runs the command line against the server.
    package func kes(_ arguments: [String], as client: Deployment.Client, input: [UInt8] = []) throws -> CommandResult {
        try run(kesPath(), arguments, input: input, environment: environment(for: client))
    }

    /// The variables that make the command line talk to the server as `client`.
    package func environment(for client: Deployment.Client) -> [String: String?] {
        [
            "KES_SERVER": endpoint, "MINIO_KES_SERVER": nil, "KES_API_KEY": client.apiKey, "MINIO_KES_API_KEY": nil,
            "SSL_CERT_FILE": deployment.serverCertificate,
        ]
    }

    private static func port(in banner: String) -> Int? {
        for line in banner.split(separator: "\n", omittingEmptySubsequences: true) where line.hasPrefix("Endpoint ") {
            // The last line may be cut off in the middle of the number.
            guard banner.hasSuffix("\n") || !banner.hasSuffix(line) else { return nil }
            guard let colon = line.lastIndex(of: ":") else { continue }
            return Int(line[line.index(after: colon)...].prefix { $0.isNumber })
        }
        return nil
    }
}

/// What curl printed.
package struct CurlResult: Sendable {
    /// curl's exit code.
    package var code: Int32
    package var status: Int
    /// `1.1` or `2`.
    package var version: String
    package var body: String
    package var errorText: String

    init(_ result: CommandResult) {
        code = result.code
        errorText = result.errorText
        let text = result.text
        let split = text.lastIndex(of: "\n") ?? text.startIndex
        body = String(text[..<split])
        let last = text[split...].split(separator: " ").map { $0.trimmingNewline }
        version = last.first ?? ""
        status = last.count > 1 ? Int(last[1]) ?? 0 : 0
    }
}

extension Substring {
    fileprivate var trimmingNewline: String { String(drop { $0 == "\n" }) }
}
