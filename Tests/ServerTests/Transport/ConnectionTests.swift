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
        let before = try server.memory("VmRSS")
        try connect(1500)
        #expect(try server.memory("VmRSS") - before < 8 * 1024)
    }

    @Test(
        "Without a descriptor for another connection the server says so, and goes on as soon as there is one",
        .enabled(if: geteuid() == 0, "needs the right to limit another process"))
    func fullTable() throws {
        let limit = "prlimit --pid $0 --nofile=$(($(ls /proc/$0/fd | wc -l) + 8)):"
        #expect(try run("sh", ["-c", limit, "\(server.process.pid)"]).code == 0)
        let crowd = try Subprocess(
            "bash", ["-c", "for i in {1..40}; do exec {end}<>/dev/tcp/127.0.0.1/$0; done; read", "\(server.port)"])
        try server.errorLine(containing: "connections cannot be accepted for now: Too many open files")
        crowd.closeInput()
        crowd.wait()
        #expect(try server.curl("/version", as: server.deployment.admin).status == 200)
    }
}
