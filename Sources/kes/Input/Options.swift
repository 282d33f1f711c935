import ArgumentParser
import Credentials
import KESClient
import SecureBytes

/// How results are printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON.")
    var json = false

    @Option(help: "When to use colours: auto, always or never.")
    var color = ColorMode.auto

    var output: Output { Output(color: color) }

    /// Whether the result is for a program: asked for, or not written to a terminal.
    var isForProgram: Bool { json || !output.isTerminal }
}

/// How to call a server, without the letters for `--server`, which `status` uses for another flag.
struct ClientOptions: ParsableArguments {
    @Flag(name: [.customShort("k"), .long], help: "Do not check the server's certificate.")
    var insecure = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The API key to use, instead of the environment's.", valueName: "key"))
    var apiKey: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("Accepted for old scripts; without effect.", visibility: .hidden))
    var enclave: String?

    /// - Parameter server: what `--server` said.
    func client(server: String?) throws(CommandFailure) -> KESClient {
        do {
            let text = server ?? Environment.first(Environment.server)?.value ?? Environment.defaultServer
            return try KESClient(
                endpoints: Endpoint.list(text), credential: credential(), trust: insecure ? .insecure : .system,
                // Who sits at the command line wants to hear of it at once.
                retries: .never)
        } catch let error as CommandFailure {
            throw error
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    private func credential() throws -> ClientCredential {
        if let apiKey { return .apiKey(try Self.apiKey(apiKey, origin: "--api-key")) }
        switch try Environment.credential() {
        case .apiKey(let setting):
            return .apiKey(try Self.apiKey(setting.value, origin: setting.name))
        case .files(let key, let certificate):
            let password = try PrivateKeyFile.password(for: key.value)
            try PrivateKeyFile.check(key, isOf: certificate, password: password)
            return .files(certificate: certificate.value, key: key.value, password: password)
        }
    }

    private static func apiKey(_ text: String, origin: String) throws(CommandFailure) -> APIKey {
        do {
            return try APIKey(text)
        } catch {
            throw CommandFailure("\(origin): \(error)")
        }
    }
}

/// Options about a server that commands which call none accept as well: scripts give them to every command.
struct UnusedClientOptions: ParsableArguments {
    @Flag(name: [.customShort("k"), .long], help: ArgumentHelp("Without effect: no server is called.", visibility: .hidden))
    var insecure = false

    @Option(name: .shortAndLong, help: ArgumentHelp("Without effect: no server is called.", visibility: .hidden))
    var enclave: String?
}

/// How to call a server.
struct ConnectionOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The servers to call, instead of the environment's; tried in turn.", valueName: "host:port,…"))
    var server: String?

    @OptionGroup var client: ClientOptions

    func withClient<R>(_ body: (KESClient) async throws -> R) async throws -> R {
        try await client.client(server: server).closing(body)
    }
}
