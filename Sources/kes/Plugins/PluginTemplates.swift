import Glibc
import Host
import SecureBytes

/// The files that a new plugin begins with: installed beside the program, or in the working tree that it was built in.
struct PluginTemplates {
    enum Language: String, CaseIterable {
        case c
        case cpp
        case rust
        case swift
    }

    /// The name that the templates have, to be replaced.
    static let name = "logfile"

    /// One directory for each language.
    private let templates: String
    private let header: String
    /// Parts of the Swift package `keswick-plugin-kit`: where each is, and what it is called there.
    private let swiftKit: [(source: String, name: String)]

    init() throws(CommandFailure) {
        guard let program = PluginDirectory.runningProgram else {
            throw CommandFailure("cannot find out which program this is: mount /proc")
        }
        var directory = program[...]
        while let slash = directory.lastIndex(of: "/") {
            directory = directory[..<slash]
            let share = "\(directory)/share/keswick"
            if access("\(share)/templates/c", R_OK) == 0 {
                templates = "\(share)/templates"
                header = "\(directory)/include/keswick_keystore.h"
                swiftKit = [("\(share)/swift", "")]
                return
            }
            if access("\(directory)/examples/plugins/c", R_OK) == 0 {
                templates = "\(directory)/examples/plugins"
                header = "\(directory)/Sources/PluginAPI/include/keswick_keystore.h"
                swiftKit = [
                    ("\(directory)/packaging/plugin-kit/Package.swift", "Package.swift"),
                    ("\(directory)/Sources/PluginAPI", "Sources/PluginAPI"),
                    ("\(directory)/Sources/PluginKit", "Sources/PluginKit"),
                ]
                return
            }
        }
        throw CommandFailure("the templates are not beside \(program): install the plugin kit, and use its `kes`")
    }

    /// Copies the template into `directory`, which must not exist, with `name` in the place of the template's.
    func copy(_ language: Language, name: String, to directory: String) throws(CommandFailure) {
        guard mkdir(directory, 0o755) == 0 else {
            throw CommandFailure(
                errno == EEXIST
                    ? "\(directory) exists already: nothing was changed" : "cannot make \(directory): \(Files.message(errno))")
        }
        try copyTree("\(templates)/\(language.rawValue)", to: directory) { text in
            text.replacing(Self.name, with: name)
        }
        switch language {
        case .c, .cpp: try copyTree(header, to: "\(directory)/keswick_keystore.h") { $0 }
        case .rust: break
        case .swift:
            for part in ["vendor", "vendor/keswick-plugin-kit", "vendor/keswick-plugin-kit/Sources"] {
                guard mkdir("\(directory)/\(part)", 0o755) == 0 else {
                    throw CommandFailure("cannot make \(directory)/\(part): \(Files.message(errno))")
                }
            }
            for part in swiftKit {
                try copyTree(part.source, to: "\(directory)/vendor/keswick-plugin-kit/\(part.name)") { $0 }
            }
        }
    }

    /// Copies a file, or a directory with all that is in it but what a build has left there.
    private func copyTree(_ source: String, to target: String, _ change: (String) -> String) throws(CommandFailure) {
        var status = stat()
        guard stat(source, &status) == 0 else { throw CommandFailure("cannot read \(source): \(Files.message(errno))") }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            let text = change(String(decoding: try Files.read(source), as: UTF8.self))
            let bytes = Array(text.utf8)
            return try Files.create(target, SecretBytes(count: bytes.count) { $0.copyBytes(from: bytes) }, mode: 0o644)
        }
        guard mkdir(target, 0o755) == 0 || errno == EEXIST else {
            throw CommandFailure("cannot make \(target): \(Files.message(errno))")
        }
        guard let names = directoryNames(source) else { throw CommandFailure("cannot read \(source): \(Files.message(errno))") }
        for name in names {
            guard !name.hasPrefix("."), !["target", "vendor", "Cargo.lock"].contains(name), !name.hasSuffix(".so") else {
                continue
            }
            try copyTree("\(source)/\(name)", to: "\(target)/\(name)", change)
        }
    }
}
