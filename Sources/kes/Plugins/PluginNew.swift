import ArgumentParser
import Glibc
import Host
import SecureBytes

extension PluginTemplates.Language: ExpressibleByArgument {}

/// `kes plugin new NAME`
struct PluginNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Begin a plugin: a small, whole keystore to change into yours.",
        discussion: "Makes the directory NAME with sources that build with one command, and a manifest for the server.")

    @Argument(help: "The keystore's name, as a server's configuration will call it: a-z 0-9 - _, a letter first.")
    var name: String

    @Option(help: "c, cpp, rust or swift.")
    var language = PluginTemplates.Language.c

    func validate() throws {
        guard PluginManifest.isValidName(name), let first = name.utf8.first, (0x61...0x7a).contains(first) else {
            throw ValidationError("'\(name)' is not a plugin's name: use 1 to 64 characters of a-z 0-9 - _, a letter first.")
        }
    }

    func run() throws {
        try PluginTemplates().copy(language, name: name, to: name)
        let library =
            switch language {
            case .c, .cpp: "lib\(name).so"
            // Cargo makes an identifier of the name.
            case .rust: "target/release/lib\(name.replacing("-", with: "_")).so"
            case .swift: ".build/release/lib\(name).so"
            }
        let build =
            switch language {
            case .c, .cpp: "make"
            case .rust: "cargo build --release"
            case .swift: "swift build -c release"
            }
        let manifest = Array("name: \(name)\nlibrary: \(library)\n".utf8)
        try Files.create("\(name)/\(name).yml", SecretBytes(count: manifest.count) { $0.copyBytes(from: manifest) }, mode: 0o644)
        try Output(color: .auto).text(
            """
            Made \(name)/, a keystore in \(language == .cpp ? "C++" : language.rawValue.capitalized). Build, check and try it:

              cd \(name)
              \(build)
              kes plugin check \(library) --config '{"path":"{dir}/keys"}' --durable
              kes init server
              sed -i 's/^  sqlite:/  \(name):/' server/config.yml
              kes server --config server/config.yml --plugins .

            """)
    }
}
