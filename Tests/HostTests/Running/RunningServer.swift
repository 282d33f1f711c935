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

    /// Starts a server with the deployment's configuration, whose keystore has to be `mem` or `fs`.
    init(_ deployment: Deployment, change: (inout Server.Options) -> Void = { _ in }) throws {
        self.deployment = deployment
        // The server looks for plugins beside its program, which here is the tests'.
        let plugins = deployment.directory
        for (name, library) in [("mem", "MemStore"), ("fs", "FSStore")] {
            try plugins.write("name: \(name)\nlibrary: \(buildDirectory())/lib\(library).so\n", to: "\(name).yml", mode: 0o644)
        }
        var options = Server.Options(configuration: try Self.configuration(deployment))
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

    private static func configuration(_ deployment: Deployment) throws -> Configuration {
        try ConfigurationFile.load(
            path: deployment.configuration, environment: [:], knownRoutes: Server.apiOverview.map(\.path))
    }

    /// Takes what the deployment's configuration file says by now into use. The files that it names were not looked at before.
    func reload() throws {
        try server.reload(Self.configuration(deployment))
    }

    /// Calls the server with curl, as the administrator.
    ///
    /// - Parameter certificate: the server's, which curl is to trust; nil for the deployment's.
    func get(_ path: String, trusting certificate: String? = nil) throws -> CommandResult {
        let (admin, trusted) = (deployment.admin, certificate ?? deployment.serverCertificate)
        let arguments = ["--cacert", trusted, "--cert", admin.certificate, "--key", admin.key]
        return try run("curl", ["-sS", "--max-time", "60"] + arguments + ["https://127.0.0.1:\(port)\(path)"])
    }

    deinit {
        server.stop()
    }
}
