import Credentials
import Host
import Testing

@Suite("YAML in configuration files")
struct YAMLTests {
    @Test("Anchors, aliases and merge keys stand for what they name; a mapping's own members win")
    func aliases() throws {
        let configuration = try parse(
            minimalText + """
                policy:
                  base: &base
                    allow: &common [ /v1/status ]
                    deny: [ /v1/metrics ]
                  other: { allow: *common }
                  merged:
                    <<: *base
                    deny: [ /v1/ready ]
                  twice: { <<: [ { allow: [ /a ] }, *base ] }
                """)
        #expect(
            configuration.policies == [
                PolicyDefinition(name: "base", allow: ["/v1/status"], deny: ["/v1/metrics"]),
                PolicyDefinition(name: "other", allow: ["/v1/status"]),
                PolicyDefinition(name: "merged", allow: ["/v1/status"], deny: ["/v1/ready"]),
                PolicyDefinition(name: "twice", allow: ["/a"], deny: ["/v1/metrics"]),
            ])
    }

    @Test("A small file whose aliases stand for a huge tree is refused")
    func aliasBomb() {
        var text = minimalText + "x0: &x0 [ a, a, a, a, a, a, a, a, a, a ]\n"
        for level in 1...12 {
            text += "x\(level): &x\(level) [ \((0..<10).map { _ in "*x\(level - 1)" }.joined(separator: ", ")) ]\n"
        }
        let errors = #expect(throws: ConfigurationErrors.self) { try parse(text) }
        #expect(errors?.errors.map(\.message) == ["the file stands for more than 100000 values; use fewer aliases"])
    }

    @Test("Lists nested beyond reason are refused")
    func nesting() {
        let errors = #expect(throws: ConfigurationErrors.self) { try parse("a: " + String(repeating: "[", count: 100_000)) }
        #expect(
            errors?.errors.map(\.message) == ["lists and mappings are nested too deeply; is a bracket or a brace not closed?"])
    }

    @Test("Aliases nest no deeper than brackets may")
    func nestedAliases() throws {
        func text(_ levels: Int) -> String {
            "x0: &x0 [ a ]\n" + (1...levels).map { "x\($0): &x\($0) [ *x\($0 - 1) ]\n" }.joined()
        }
        // Refused as unknown members, and not for their depth.
        let shallow = #expect(throws: ConfigurationErrors.self) { try parse(minimalText + text(400)) }
        #expect(shallow?.errors.contains { $0.message.contains("too deeply") } == false)
        // What goes through such a value ends on a stack of a few megabytes.
        let errors = #expect(throws: ConfigurationErrors.self) { try parse(minimalText + text(20_000)) }
        #expect(
            errors?.errors.map(\.message) == ["lists and mappings are nested too deeply; is a bracket or a brace not closed?"])
    }

    @Test("A byte order mark and lines that end in CR LF change nothing, columns included")
    func byteOrderMark() throws {
        let text = "\u{FEFF}" + minimalText.replacing("\n", with: "\r\n")
        #expect(try parse(text).admin == Identity(adminIdentity))
        let errors = #expect(throws: ConfigurationErrors.self) { try parse(text + "keystore: {}\r\nlog: { x: y }\r\n") }
        #expect(errors?.errors.map { "\($0.line):\($0.column)" } == ["8:1", "9:8"])
        let first = #expect(throws: ConfigurationErrors.self) { try parse("\u{FEFF}x: {}\nadmin: { identity: _ }") }
        #expect(first?.errors.map { "\($0.line):\($0.column)" }.contains("1:1") == true)
    }

    @Test("Columns count characters as an editor does, beyond ASCII as well")
    func columns() {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try parse(minimalText + "log: { \"\u{E9}\u{20AC}\u{1F511}\": 1, \"\u{E9}\u{20AC}\u{1F511}\": 2 }\n")
        }
        #expect(errors?.errors.map { "\($0.line):\($0.column)" } == ["8:8", "8:18"])
    }

    @Test("${NAME} is replaced wherever it is a whole scalar, and nowhere else")
    func environment() throws {
        let configuration = try parse(
            """
            address: "${ADDRESS}"
            admin: { identity: '${ ADMIN }' }
            tls: { key: "${DIRECTORY}", cert: "${DIRECTORY}/server.crt", password: "a${DIRECTORY}", auth: "${AUTH}" }
            policy: { "${POLICY}": { allow: [ "${PATTERN}" ] } }
            cache: { expiry: { any: "${ANY}" } }
            keystore: { x: { a: "${EMPTY}", b: "$DIRECTORY", "${POLICY}": "x ${DIRECTORY}", c: "${" } }
            """,
            environment: [
                "ADDRESS": "[::1]:1", "ADMIN": adminIdentity, "DIRECTORY": "/d", "AUTH": "on", "POLICY": "p", "PATTERN": "/v1/*",
                "ANY": "1m", "EMPTY": "",
            ])
        #expect(configuration.address == ListenAddress(host: "::1", port: 1))
        #expect(configuration.admin == Identity(adminIdentity))
        #expect(configuration.tls.privateKeyFile == "/d")
        #expect(configuration.tls.certificateFile == "${DIRECTORY}/server.crt")
        #expect(configuration.tls.password?.withUnsafeBytes { $0.elementsEqual("a${DIRECTORY}".utf8) } == true)
        #expect(configuration.tls.clientAuthentication == .trustedCertificate)
        #expect(configuration.policies == [PolicyDefinition(name: "p", allow: ["/v1/*"])])
        #expect(configuration.cache.any == .seconds(60))
        #expect(configuration.keystore.json == #"{"a":"","b":"$DIRECTORY","p":"x ${DIRECTORY}","c":"${"}"#)
    }

    @Test("The value of a variable is not replaced again")
    func notTwice() throws {
        let configuration = try parse(
            "admin: { identity: _ }\ntls: { key: k, cert: c }\nkeystore: { x: { a: \"${A}\" } }\n",
            environment: ["A": "${B}", "B": "b"])
        #expect(configuration.keystore.json == #"{"a":"${B}"}"#)
    }

    @Test("Each variable that is not set is one error, however often the file uses it")
    func unset() {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try parse(
                "admin: { identity: \"${A}\" }\ntls: { key: \"${B}\", cert: c, auth: \"${A}\" }\nkeystore: { \"${C}\": \"${D}\" }\n"
            )
        }
        #expect(errors?.errors.map { "\($0.line):\($0.column)" } == ["1:20", "2:13", "2:36", "3:13", "3:21"])
    }
}
