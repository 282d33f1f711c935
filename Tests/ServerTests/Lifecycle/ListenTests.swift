import TestSupport
import Testing

/// Where a server listens.
@Suite struct ListenTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    private func start(_ arguments: [String], environment: [String: String?] = [:]) throws -> ServerProcess {
        try ServerProcess(deployment, arguments: arguments, environment: environment)
    }

    private func version(_ host: String, _ server: ServerProcess) throws -> CommandResult {
        let admin = deployment.admin
        return try run(
            "curl",
            [
                "-sS", "--noproxy", "*", "--cacert", deployment.serverCertificate, "--cert", admin.certificate, "--key",
                admin.key,
                "https://\(host):\(server.port)/version",
            ])
    }

    /// Whether this machine has IPv6, told by its loopback interface.
    private static let hasIPv6 = ((try? readFile("/proc/net/if_inet6")) ?? []).isEmpty == false

    @Test(.enabled(if: hasIPv6, "needs IPv6"), arguments: [":0", "0.0.0.0:0", "[::]:0"])
    func noAddressIsEveryAddressOfBothKinds(address: String) throws {
        try deployment.directory.write(
            String(decoding: readFile(deployment.configuration), as: UTF8.self)
                .replacing("address: 127.0.0.1:0", with: "address: '\(address)'"), to: "config.yml")
        let server = try start([])
        #expect(try version("127.0.0.1", server).code == 0)
        #expect(try server.auditEvent(containing: "/version").contains(#""ip":"127.0.0.1""#))
        #expect(try version("[::1]", server).code == 0)
        #expect(try server.auditEvent(containing: "::1").contains(#""ip":"::1""#))
        #expect(server.stop() == 0)
    }

    /// As on a kernel without IPv6: the library refuses such sockets.
    @Test func withoutIPv6ItIsEveryIPv4Address() throws {
        let source = try deployment.directory.write(
            """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <sys/socket.h>
            int socket(int domain, int type, int protocol) {
                if (domain == AF_INET6) { errno = EAFNOSUPPORT; return -1; }
                return ((int (*)(int, int, int))dlsym(RTLD_NEXT, "socket"))(domain, type, protocol);
            }
            """, to: "socket.c")
        let library = deployment.directory.file("socket.so")
        let compiled = try run("gcc", ["-shared", "-fPIC", "-o", library, source, "-ldl"])
        try #require(compiled.code == 0, "\(compiled.errorText)")
        let server = try start(["--addr", ":0"], environment: ["LD_PRELOAD": library])
        #expect(try version("127.0.0.1", server).code == 0)
        #expect(try version("[::1]", server).code != 0)
        try server.errorLine(containing: "https://0.0.0.0:")
    }

    @Test func theCommandLineWinsOverTheFile() throws {
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        // Nobody can listen there: 192.0.2.0/24 is for documentation (RFC 5737).
        try deployment.directory.write(text.replacing("address: 127.0.0.1:0", with: "address: 192.0.2.1:1"), to: "config.yml")
        #expect(throws: ServerProcess.NotStarted.self) { try start([]) }
        let server = try start(["--addr", "127.0.0.1:0"])
        #expect(try version("127.0.0.1", server).code == 0)
    }

    @Test func whatKeepsTheServerFromListeningIsSaidWithWhatHelps() throws {
        let server = try start([])
        for (address, problem) in [
            ("127.0.0.1:\(server.port)", "the port is in use; stop what listens there, or choose another with --addr"),
            (
                "192.0.2.1:7373",
                "this machine does not have the address 192.0.2.1; write one of its own, or :7373 for all of them"
            ),
        ] {
            let result = try run(kesPath(), ["server", "--config", deployment.configuration, "--addr", address])
            #expect(result.code == 1)
            #expect(
                result.errorText.hasSuffix("Error: the server cannot start: cannot listen on \(address): \(problem)\n"),
                "\(result.errorText)")
        }
        #expect(server.stop() == 0)
    }
}
