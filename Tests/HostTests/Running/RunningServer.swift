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
