import Glibc
import TestSupport
import Testing

/// Connections leave nothing behind.
@Suite struct ConnectionTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
    }

    /// Kilobytes.
    private func residentMemory() throws -> Int {
        let file = try #require(fopen("/proc/\(server.process.pid)/status", "re"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("VmRSS:") { return try #require(Int(text.filter(\.isNumber))) }
        }
        throw MissingFigure()
    }

    private struct MissingFigure: Error {}

    /// A request on each of `count` connections, one after the other.
    private func connect(_ count: Int) throws {
        let client = server.deployment.admin
        let result = try run(
            "curl",
            [
                "-sS", "--fail", "--http1.1", "--noproxy", "*", "-H", "Connection: close", "--cacert",
                server.deployment.serverCertificate, "--cert", client.certificate, "--key", client.key, "-o", "/dev/null",
                "\(server.endpoint)/version?[1-\(count)]",
            ])
        #expect(result.code == 0, "\(result.errorText)")
    }

    /// A connection and its handler once held each other, and each connection cost 20 kB for ever.
    @Test(.disabled(if: isSanitized, "a sanitizer keeps what is given back, to see who uses it still"))
    func memoryDoesNotGrowWithTheConnectionsThatThereWere() throws {
        try connect(300)
        let before = try residentMemory()
        try connect(1500)
        #expect(try residentMemory() - before < 8 * 1024)
    }
}
