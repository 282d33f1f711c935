import Host
import TestSupport
import Testing

/// A file that must be refused, and the errors that it must give, each as `LINE:COLUMN: message`.
struct WrongFile: Sendable, CustomTestStringConvertible {
    let rule: String
    let text: String
    let errors: [String]

    init(_ rule: String, _ text: String, _ errors: String...) {
        self.rule = rule
        self.text = text
        self.errors = errors
    }

    var testDescription: String { rule }

    /// A file with all that is needed, 7 lines, and `text` from line 8 on.
    static func minimal(_ rule: String, _ text: String, _ errors: String...) -> WrongFile {
        var file = WrongFile(rule, minimalText + text)
        file = WrongFile(rule: rule, text: file.text, errors: errors)
        return file
    }

    private init(rule: String, text: String, errors: [String]) {
        self.rule = rule
        self.text = text
        self.errors = errors
    }
}

@Suite("Configuration files that are refused")
struct WrongConfigurationTests {
    @Test("Every error says where it is, what is wrong and what would be right", arguments: WrongFile.all)
    func refused(_ file: WrongFile) {
        let errors = #expect(throws: ConfigurationErrors.self) { try parse(file.text) }
        #expect(errors?.errors.map(\.description) == file.errors.map { "kes.yml:\($0)" })
    }

    @Test("The program refuses each, in the same words, and so does a server's start")
    func refusedByTheProgram() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("kes.yml")
        #expect(WrongFile.all.count > 60)
        for (number, file) in WrongFile.all.enumerated() {
            try directory.write(file.text, to: "kes.yml")
            let expected = "Error: the configuration is not valid\n" + file.errors.map { "\(path):\($0)\n" }.joined()
            for arguments in number.isMultiple(of: 8) ? [["--check"], []] : [["--check"]] {
                let result = try run(kesPath(), ["server", "--config", path] + arguments)
                #expect(result.code == 1 && result.output.isEmpty, "\(file.rule)")
                #expect(result.errorText == expected, "\(file.rule)")
            }
        }
    }

    @Test("All errors of a file are told, in the order of the file")
    func collected() {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try parse(
                """
                version: v2
                adress: 0.0.0.0:7373
                tls: { key: k, cert: c, auth: maybe }
                cache: { expiry: { any: -1s } }
                keystore: { fs: {}, mem: {} }
                """)
        }
        #expect(errors?.errors.map { "\($0.line):\($0.column)" } == ["1:1", "1:10", "2:1", "3:31", "4:25", "5:21"])
        #expect(errors?.description.split(separator: "\n").count == 6)
    }

    @Test("An error shows neither the value of an environment variable nor the lines of the file")
    func noSecrets() {
        let secret = "correct-horse-battery-staple"
        let files = [
            minimalText + "address: ${SECRET}\nlog: { error: '${SECRET}' }\nkeys: [ { name: '${SECRET} ' } ]\n",
            minimalText + "cache: { expiry: { any: '${SECRET}' } }\napi: { /v1/ready: { skip_auth: '${SECRET}' } }\n",
            minimalText + "policy: { p: { identities: [ '${SECRET}' ] } }\n",
            minimalText + "version: ${SECRET}\naddress: '${ADDRESS}'\n'${SECRET}': 1\n",
            minimalText + "keys: [ { name: '${KEY}' }, { name: '${KEY}' } ]\n",
            minimalText + "policy: { '${SECRET} ': { '${SECRET}': 1 }, p: { '${SECRET}': 1 } }\napi: { '${SECRET}': {} }\n",
            minimalText + "cache: { '${SECRET}': 1, '${SECRET}': 2 }\nplugins: { '${SECRET}': 1 }\n",
            "keystore: { '${SECRET} ': 1, '${KEY}': {} }\ntls: { proxy: { header: { cert: '${SECRET} ' } } }\n",
            // A tag, where a password that begins with '!' was meant.
            "keystore: { x: { password: !\(secret) } }\n", "keystore: { x: { password: !!\(secret) } }\n",
            // Each refused by libyaml, whose descriptions quote the line.
            "tls: { password: \(secret) ]\n", "tls: { password: '\(secret)\n", "tls:\n\tpassword: \(secret)\n",
            "password: \(secret)\npassword: \(secret)\n", "password: \(secret)\n---\npassword: x\n", "a: *b # \(secret)\n",
        ]
        for file in files {
            let environment = ["SECRET": secret, "ADDRESS": "127.0.0.1:\(secret)", "KEY": secret]
            let errors = #expect(throws: ConfigurationErrors.self) { try parse(file, environment: environment) }
            #expect(errors?.description.contains(secret) == false)
        }
    }

    @Test(
        "An API key in the wrong place is not shown",
        arguments: [
            "version: 'KEY'\n", "address: 'KEY'\n", "'KEY': 1\n", "policy: { 'KEY': {} }\n", "policy: { p: { 'KEY': 1 } }\n",
            "policy: { p: { 'x KEY': 1 } }\n", "policy: { p: { identities: [ ' KEY' ] } }\n", "log: { error: 'KEY' }\n",
            "cache: { expiry: { any: 'KEY' } }\n", "api: { 'KEY': {} }\n", "api: { /v1/ready: { skip_auth: 'KEY' } }\n",
            "keys: [ { name: 'KEY' } ]\n", "keys: [ { 'KEY': 1 } ]\n", "log: { error: '${KEY}' }\n",
        ])
    func noAPIKeys(_ addition: String) throws {
        let key = "kes:v1:" + "AF" + String(repeating: "pa", count: 20) + "PQ"
        let errors = #expect(throws: ConfigurationErrors.self) {
            try parse(minimalText + addition.replacing("KEY", with: key), environment: [:])
        }
        #expect(errors?.description.contains("papa") == false)
        #expect(errors?.description.contains("kes:v1:…") == true)
    }

    @Test("A pattern with an API key is not shown, nor is what was probably meant")
    func noAPIKeysInPatterns() throws {
        let key = "kes:v1:" + "AF" + String(repeating: "pa", count: 20) + "PQ"
        let patterns = ["x\(key)", "/v1/key/creat/\(key)", "/v1/key/decrypt/\(key)", "/v1/key/?/\(key)"].map { "'\($0)'" }
        let text = minimalText + "policy: { p: { allow: [ /v1/* ], deny: [ \(patterns.joined(separator: ", ")) ] } }\n"
        let warnings = try parse(text).origin.warnings
        #expect(warnings.count >= patterns.count)
        #expect(!warnings.description.contains("papa"))
    }

    @Test("Nor is one that stands where an empty keystore is passed over", arguments: ["'KEY'", "'${KEY}'"])
    func noAPIKeysOfEmptyKeystores(name: String) throws {
        let key = "kes:v1:" + "AF" + String(repeating: "pa", count: 20) + "PQ"
        let text = "admin: { identity: _ }\ntls: { key: k, cert: c }\nkeystore:\n  fs: { path: /k }\n  \(name):\n"
        let written = name.contains("$") ? text : text.replacing("KEY", with: key)
        let warnings = try parse(written, environment: ["KEY": key]).origin.warnings
        #expect(warnings.description.contains("is empty and passed over") && !warnings.description.contains("papa"))
    }
}

extension WrongFile {
    static var all: [WrongFile] { syntax + structure + members + identities + names + keystores }
}
