import Host
import TestSupport
import Testing

@Suite("Configuration files on disk")
struct ConfigurationLoadTests {
    /// Writes `bytes` to a file of its own and loads it; what it says names the file `F`.
    private func load(_ bytes: [UInt8]) throws -> Result<Configuration, ConfigurationErrors> {
        let directory = try TemporaryDirectory("kes-configuration")
        let name = try directory.write(bytes, to: "kes.yml")
        return Result { () throws(ConfigurationErrors) in
            try ConfigurationFile.load(path: name, environment: [:], knownRoutes: knownRoutes)
        }.mapError { errors in
            ConfigurationErrors(
                errors: errors.errors.map { ConfigurationError(file: "F", line: $0.line, column: $0.column, message: $0.message) }
            )
        }
    }

    @Test("A file is read whole, and named as the user named it")
    func read() throws {
        let configuration = try load(Array(minimalText.utf8)).get()
        #expect(configuration.keystore.name == "mem")
        #expect(configuration.origin.file.hasPrefix("/tmp/kes-configuration-"))
    }

    @Test("A file that is not UTF-8 is refused with the place of the first bad byte")
    func encoding() throws {
        let errors = #expect(throws: ConfigurationErrors.self) { try load(Array("a: \u{E9}\nbc: ".utf8) + [0xE9, 0x0A]).get() }
        #expect(errors?.description == "F:2:5: the file is not UTF-8 from here on; save it as UTF-8")
    }

    @Test("An empty file is refused as such")
    func empty() throws {
        let errors = #expect(throws: ConfigurationErrors.self) { try load([]).get() }
        #expect(
            errors?.description == "F:1:1: the file is empty; it must be a mapping with at least 'admin', 'tls' and 'keystore'")
    }

    @Test("A file far too large is not read to its end")
    func size() throws {
        let errors = #expect(throws: ConfigurationErrors.self) { try load([UInt8](repeating: 0x23, count: 5 << 20)).get() }
        #expect(errors?.description.hasPrefix("F: the configuration file is larger than 4 MiB") == true)
    }

    @Test("A file that is not there, a directory and an endless device are refused, without a line")
    func unreadable() {
        for (path, message) in [
            ("/no/such/kes.yml", "/no/such/kes.yml: the configuration file cannot be read: No such file or directory"),
            ("/tmp", "/tmp: the configuration file cannot be read: Is a directory"),
            (
                "/dev/zero",
                "/dev/zero: the configuration file is larger than 4 MiB or grew while it was read; is it the right file?"
            ),
        ] {
            let errors = #expect(throws: ConfigurationErrors.self) {
                try ConfigurationFile.load(path: path, environment: [:], knownRoutes: [])
            }
            #expect(errors?.description == message)
        }
    }
}
