import Glibc
import Host
import TestSupport

/// A server in the test program, for what a configuration file cannot say: its limits.
///
/// Stopped when the last reference goes.
final class RunningServer {
    let deployment: Deployment
    let port: Int
    private let server: Server

    /// Starts a server with the deployment's configuration, whose keystore has to be `mem`.
    init(_ deployment: Deployment, change: (inout Server.Options) -> Void) throws {
        self.deployment = deployment
        // The server looks for plugins beside its program, which here is the tests'.
        let plugins = deployment.directory
        try plugins.write("name: mem\nlibrary: \(buildDirectory())/libMemStore.so\n", to: "mem.yml", mode: 0o644)
        let configuration = try ConfigurationFile.load(
            path: deployment.configuration, environment: [:], knownRoutes: Server.apiOverview.map(\.path))
        var options = Server.Options(configuration: configuration)
        options.pluginDirectory = plugins.path
        options.eventLoopCount = 1
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard null >= 0 else { throw SystemError("open /dev/null", errno) }
        options.standardOutput = null
        options.standardError = null
        change(&options)
        server = try Server.start(options)
        port = server.address.port
    }

    deinit {
        server.stop()
    }
}

/// A connection over TLS on which a test says what it likes: `openssl s_client`.
final class RawConnection {
    private let process: Subprocess
    private var received: [UInt8] = []

    init(port: Int, as client: Deployment.Client, applicationProtocol: String) throws {
        process = try Subprocess(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(port)", "-alpn", applicationProtocol, "-cert", client.certificate, "-key",
                client.key, "-quiet", "-tls1_3",
            ])
    }

    /// Whether the server has closed it by now.
    var isClosed: Bool { process.hasEnded }

    func send(_ bytes: [UInt8]) {
        process.write(bytes)
    }

    /// Reads until `isEnough` is true of what was received since the last call. False when the server closes before.
    func read(until isEnough: ([UInt8]) -> Bool) -> Bool {
        defer { received = [] }
        while !isEnough(received) {
            let bytes = process.readOutput()
            if bytes.isEmpty { return false }
            received += bytes
        }
        return true
    }

    /// Everything until the server closes it.
    func readToEnd() -> [UInt8] {
        let (output, _) = process.collect()
        process.wait()
        return received + output
    }
}
