import Credentials
import Glibc
import Host
import KESClient
import SecureBytes

/// Turns what the command line and the configuration file say into a running server.
enum ServerRun {
    static func run(_ options: ServerOptions) throws(CommandFailure) {
        // First of all: to see whether the files of the configuration are good, the private key is read.
        let memoryLock = ProcessHardening.apply()
        for warning in options.deprecated.warnings { try warn(warning) }
        if options.isDevelopment { return try runDevelopment(options, memoryLock) }
        guard let path = options.configurationFile else {
            throw CommandFailure(
                "a server needs a configuration file: `kes init DIR` makes one and --config FILE names it; --dev does without")
        }
        let configuration = try load(path, options)
        if options.isCheck {
            return try Output.write("\(path) is valid; the keystore itself is not opened by --check\n", to: STDOUT_FILENO)
        }
        try start(configuration, options, memoryLock, reload: { try reload(path, options) }) { _ in [] }
    }

    private static func runDevelopment(
        _ options: ServerOptions, _ memoryLock: ProcessHardening.MemoryLock
    ) throws(CommandFailure) {
        let development = try Development(options)
        try start(development.configuration, options, memoryLock, reload: nil) { development.usage($0.address) }
    }

    /// Runs until a signal ends it. The banner goes to standard error: standard output is the audit log's.
    private static func start(
        _ configuration: Configuration, _ options: ServerOptions, _ memoryLock: ProcessHardening.MemoryLock,
        reload: (() throws -> Configuration)?, usage: (Server) -> [SecretText.Piece]
    ) throws(CommandFailure) {
        DescriptorLimit.raise()
        var settings = Server.Options(configuration: configuration)
        settings.pluginDirectory = pluginDirectory(options)
        do {
            try Service.run(settings, reload: reload) { server in
                guard !options.isQuiet else { return }
                // A server whose banner nobody can read is still a server.
                let banner = ServerBanner.text(for: server, memoryLock: memoryLock, usage: usage(server))
                try? banner.withUnsafeBytes { bytes throws(CommandFailure) in try Output.write(bytes, to: STDERR_FILENO) }
            }
        } catch {
            throw CommandFailure("the server cannot start: \(error)")
        }
    }

    /// Reads the configuration file, with what the command line says in its place.
    private static func load(_ path: String, _ options: ServerOptions) throws(CommandFailure) -> Configuration {
        var configuration: Configuration
        do {
            configuration = try ConfigurationFile.load(
                path: path, environment: Environment.variables(), knownRoutes: Server.apiOverview.map(\.path),
                replaced: options.deprecated.replaced)
        } catch {
            throw CommandFailure("the configuration is not valid\n\(error)")
        }
        try options.override(&configuration)
        try check(configuration, options)
        return configuration
    }

    /// The same for a running server, whose log has one line for an error.
    private static func reload(_ path: String, _ options: ServerOptions) throws(CommandFailure) -> Configuration {
        do throws(CommandFailure) {
            return try load(path, options)
        } catch {
            let lines = error.description.split(separator: "\n")
            guard lines.count > 1 else { throw error }
            throw CommandFailure("\(lines[0]): \(lines.dropFirst().joined(separator: "; "))")
        }
    }

    /// Looks at the files that the configuration names.
    private static func check(_ configuration: Configuration, _ options: ServerOptions) throws(CommandFailure) {
        var findings = ConfigurationCheck(configuration, now: Int64(time(nil)))
        if options.isCheck { findings.checkPlugin(in: pluginDirectory(options)) }
        for warning in findings.warnings { try warn("\(warning)") }
        guard findings.errors.isEmpty else {
            throw CommandFailure("the configuration is not valid\n" + findings.errors.map { "\($0)" }.joined(separator: "\n"))
        }
    }

    private static func pluginDirectory(_ options: ServerOptions) -> String? {
        PluginDirectory.explicit(
            option: options.pluginDirectory, environment: Environment.value("KES_PLUGINS"), configuration: nil)
    }

    private static func warn(_ text: String) throws(CommandFailure) {
        try Output.write("Warning: \(text)\n", to: STDERR_FILENO)
    }
}

extension ServerOptions {
    /// Puts what the command line says in the place of what the file says.
    fileprivate func override(_ configuration: inout Configuration) throws(CommandFailure) {
        do throws(ListenAddress.Problem) {
            if let address { configuration.address = try ListenAddress(parsing: address) }
        } catch {
            throw CommandFailure("--addr: \(error.message)")
        }
        if let port = deprecated.port, address == nil { configuration.address.port = port }
        if let key = deprecated.privateKeyFile { configuration.tls.privateKeyFile = key }
        if let certificate = deprecated.certificateFile { configuration.tls.certificateFile = certificate }
        if let isOn = deprecated.authentication {
            configuration.tls.clientAuthentication = isOn ? .trustedCertificate : .anyCertificate
        }
        if let admin = deprecated.admin {
            guard !APIKey.isLikely(admin) else {
                throw CommandFailure("--root: \(IdentityArgument.apiKeyProblem)")
            }
            configuration.admin = Identity(admin)
            try check(administrator: admin, in: configuration)
        }
    }

    /// What the file's own `admin.identity` has to be as well.
    private func check(administrator text: String, in configuration: Configuration) throws(CommandFailure) {
        guard let identity = configuration.admin else {
            // Any other text means that there is none.
            guard text != "disabled" else { return }
            let warning = "--root: '\(text)' is no identity (64 lower-case hexadecimal digits), so that there is no administrator"
            return try Output.write("Warning: \(warning)\n", to: STDERR_FILENO)
        }
        guard let role = configuration.roleBesideAdministrator(of: identity) else { return }
        throw CommandFailure(
            "--root: the identity \(identity) is \(role) in the configuration file; an identity has one role: remove it from one of the two"
        )
    }
}
