import Glibc
import TestSupport

/// The variables that `kes` reads. Those of whoever runs the tests must not show in them.
let kesVariables = [
    "MINIO_KES_SERVER", "KES_SERVER", "MINIO_KMS_KES_ENDPOINT", "MINIO_KES_API_KEY", "KES_API_KEY", "MINIO_KMS_KES_API_KEY",
    "MINIO_KES_KEY_FILE", "KES_CLIENT_KEY", "MINIO_KES_CLIENT_KEY", "MINIO_KMS_KES_KEY_FILE", "MINIO_KES_CERT_FILE",
    "KES_CLIENT_CERT", "MINIO_KES_CLIENT_CERT", "MINIO_KMS_KES_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR",
]

/// Runs the built `kes` with these variables of its own and no others.
func kes(_ arguments: String..., environment: [String: String] = [:], directory: String? = nil) throws -> CommandResult {
    try run(kesPath(), arguments, environment: cleaned(environment), directory: directory)
}

func cleaned(_ environment: [String: String]) -> [String: String?] {
    var variables: [String: String?] = [:]
    for name in kesVariables { variables.updateValue(nil, forKey: name) }
    for (name, value) in environment { variables[name] = value }
    return variables
}

/// `kes` on a terminal of its own, which `script` (util-linux) makes.
final class KesOnTerminal {
    private let process: Subprocess
    private(set) var shown = ""

    convenience init(_ arguments: String..., environment: [String: String] = [:]) throws {
        try self.init(arguments, environment: environment)
    }

    convenience init(_ arguments: [String], environment: [String: String] = [:]) throws {
        try self.init(shell: ([kesPath()] + arguments).map { "'\($0)'" }.joined(separator: " "), environment: environment)
    }

    init(shell command: String, environment: [String: String], directory: String? = nil) throws {
        process = try Subprocess(
            "script", ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
            environment: cleaned(environment.merging(["TERM": "xterm"]) { given, _ in given }), directory: directory)
    }

    /// Reads until `text` shows. False when the end comes first.
    func wait(for text: String) -> Bool {
        while !shown.contains(text) {
            let bytes = process.readOutput()
            if bytes.isEmpty { return false }
            shown += String(decoding: bytes, as: UTF8.self)
        }
        return true
    }

    func type(_ text: String) {
        process.write(Array(text.utf8))
    }

    /// Reads to the end. The exit code.
    func finish() -> Int32 {
        while case let bytes = process.readOutput(), !bytes.isEmpty { shown += String(decoding: bytes, as: UTF8.self) }
        return process.wait()
    }
}

/// The permission bits of a file or directory.
func mode(of path: String) throws -> mode_t {
    var status = stat()
    guard lstat(path, &status) == 0 else { throw SystemError("lstat \(path)", errno) }
    return status.st_mode & 0o7777
}

/// The names in a directory, sorted.
func names(in directory: String) throws -> [String] {
    try run("ls", ["-A", directory]).text.split(separator: "\n").map(String.init)
}
