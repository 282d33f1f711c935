import Envelope
import Glibc
import SecureBytes
import TestSupport
import Testing

/// A directory with keystores of several kinds, each with a configuration file that names it.
struct Keystores {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory("kes-migrate")
    }

    /// The path of a configuration file of a keystore.
    func configuration(_ name: String, _ keystore: String) throws -> String {
        try directory.write(
            """
            admin: { identity: \(Sample.identity) }
            tls: { key: server.key, cert: server.crt }
            keystore: \(keystore)

            """, to: "\(name).yml")
    }

    /// The path of a `fs` keystore's directory.
    func files(_ name: String) throws -> (configuration: String, directory: String) {
        let path = directory.file(name)
        if access(path, F_OK) != 0 { #expect(mkdir(path, 0o700) == 0) }
        return (try configuration("fs-\(name)", "{ fs: { path: \(path) } }"), path)
    }

    func database(_ name: String) throws -> String {
        try configuration("sqlite-\(name)", "{ sqlite: { path: \(directory.file("\(name).db")) } }")
    }

    /// Makes keys in a `fs` keystore, each another one.
    func make(_ names: [String], in files: String) throws {
        for name in names {
            let key = try Key(
                generating: .aes256, createdAt: Timestamp(seconds: 1_700_000_000, nanoseconds: 5), createdBy: Sample.identity)
            try StoredEntry.encode(key).withUnsafeBytes { _ = try directory.write([UInt8]($0), to: "\(files)/\(name)") }
        }
    }

    /// Whether two directories hold the same files with the same bytes.
    func areEqual(_ first: String, _ second: String) throws -> Bool {
        try run("diff", ["-r", first, second]).code == 0
    }
}
