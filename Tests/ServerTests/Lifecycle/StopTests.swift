import Glibc
import TestSupport
import Testing

/// How a server ends when it is told to.
@Suite struct StopTests {
    /// A server that is told to reload, by which `mem` replaces a keystore that is compiled with these definitions.
    private func reloadingServer(from keystore: String, _ definition: String) throws -> ServerProcess {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore(keystore, definitions: [definition], into: plugins)
        try plugins.write("name: mem\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "mem.yml", mode: 0o644)
        let deployment = try Deployment()
        let more = "plugins: { directory: \(plugins.path) }"
        try deployment.configure(keystore: "\(keystore): {}", more: more)
        let server = try ServerProcess(deployment)
        try deployment.configure(keystore: "mem: {}", more: more)
        server.process.signal(SIGHUP)
        // The plugins are needed until then.
        try server.errorLine(containing: "the configuration was reloaded")
        withExtendedLifetime(plugins) {}
        return server
    }

    @Test("A keystore that a reload has replaced is closed to its end when the server stops meanwhile")
    func stopWhileAKeystoreIsClosed() throws {
        let server = try reloadingServer(from: "slow", "CLOSE_SECONDS=1")
        try server.errorLine(containing: "close begins")
        #expect(server.stop() == 0)
        try server.errorLine(containing: "close ends")
    }

    @Test("One whose close does not return keeps the server for a few seconds only, and is told of")
    func stopWhileACloseHangs() throws {
        let server = try reloadingServer(from: "hanging", "CLOSE_HANGS")
        server.process.signal(SIGTERM)
        try #require(WatchedProcess(server.process.pid).ends())
        #expect(server.process.wait() == 0)
        try server.errorLine(containing: "keystore 'hanging': a reload has replaced it, and its close did not return")
    }

    @Test("A server ends although the system has no thread to give", .enabled(if: LimitedUser.exists))
    func stopWithoutThreads() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment, runner: LimitedUser.command)
        let limit = LimitedUser.command + ["prlimit", "--pid", "\(server.process.pid)", "--nproc=1:1"]
        #expect(try run(limit[0], Array(limit.dropFirst())).code == 0)
        // What looks at files needs no other thread for it.
        #expect(rename(deployment.serverKey, deployment.directory.file("away.key")) == 0)
        try server.errorLine(containing: "the TLS files have changed and cannot be used")
        server.process.signal(SIGTERM)
        try #require(WatchedProcess(server.process.pid).ends())
        #expect(server.process.wait() == 0)
        try server.errorLine(containing: "keystore 'mem': not closed, because the system has no thread to give")
    }
}

/// A user for whom limits of processes hold: they do not for root.
private enum LimitedUser {
    /// Runs a command as that user, who may read and write what root may.
    static let command =
        geteuid() == 0
        ? [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_override,+dac_read_search",
            "--ambient-caps=+dac_override,+dac_read_search",
        ] : ["env"]

    /// Whether the system lets the tests be somebody else.
    static let exists = (try? run(command[0], command.dropFirst() + [kesPath(), "--version"]).code) == 0
}
