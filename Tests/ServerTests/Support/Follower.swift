import TestSupport

/// A curl that follows a log.
final class Follower {
    /// The head of the answer.
    private(set) var head = ""
    private let process: Subprocess
    private var text: [UInt8] = []

    /// - Parameter file: Where the body goes; nil keeps it here.
    init(
        _ log: String, of server: ServerProcess, as client: Deployment.Client, _ flag: String, _ options: [String] = [],
        into file: String? = nil
    ) throws {
        process = try Subprocess(
            "curl",
            [
                "-sSN", flag, "--cacert", server.deployment.serverCertificate, "--cert", client.certificate, "--key", client.key,
            ] + options + ["-D", "-"] + (file.map { ["-o", $0] } ?? []) + ["\(server.endpoint)/v1/log/\(log)"])
        while true {
            let line = try self.line()
            if line == "\r" { break }
            head += line + "\n"
        }
    }

    struct Ended: Error {}

    /// The next line, without its end.
    func line() throws -> String {
        while true {
            if let end = text.firstIndex(of: UInt8(ascii: "\n")) {
                defer { text.removeSubrange(...end) }
                return String(decoding: text[..<end], as: UTF8.self)
            }
            let bytes = process.readOutput()
            guard !bytes.isEmpty else { throw Ended() }
            text += bytes
        }
    }

    /// Reads on to the end.
    func skip() {
        while !process.readOutput().isEmpty {}
    }

    /// Waits for the end, and gives curl's exit code: 0 when the answer was whole.
    func end() -> Int32 {
        skip()
        return process.wait()
    }
}
