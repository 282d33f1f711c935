import Host
import Testing

@Suite("Single values of configuration files")
struct ScalarTests {
    @Test(
        "A duration is read as Go reads it",
        arguments: [
            ("0", .zero), ("0s", .zero), ("-0s", .zero), ("+5s", .seconds(5)), ("5m0s", .seconds(300)), ("1h30m", .seconds(5400)),
            ("250ms", .milliseconds(250)), ("1.5h", .seconds(5400)), (".5s", .milliseconds(500)), ("1.s", .seconds(1)),
            ("1us", .microseconds(1)), ("1\u{B5}s", .microseconds(1)), ("1\u{3BC}s", .microseconds(1)), ("7ns", .nanoseconds(7)),
            ("0.1ns", .zero), ("1.000000001s", .nanoseconds(1_000_000_001)), ("30s1h", .seconds(3630)), ("300s", .seconds(300)),
            ("2562047h47m16.854775807s", .nanoseconds(Int64.max)),
            ("010s", .seconds(10)),
        ] as [(String, Duration)])
    func durations(text: String, duration: Duration) throws {
        #expect(try parse(minimalText + "cache: { expiry: { any: '\(text)' } }").cache.any == duration)
    }

    @Test(
        "What is no duration is refused",
        arguments: [
            "", "s", ".s", ".", "-", "+", "5", "1h5", "5 s", " 5s", "5s ", "5S", "5d", "1e3s", "--5s", "-5s", "+-5s", "5m-3s",
            "--0s", "-+0s", String(repeating: "-", count: 200_000) + "0s", "0x5s",
            "\u{665}s", "2562047h47m16.854775808s", "9999999999999999999999s", "1.2.3s", "15", "0.0", "00", "infinity",
        ])
    func badDurations(text: String) {
        let errors = #expect(throws: ConfigurationErrors.self) {
            try parse(minimalText + "cache: { expiry: { any: '\(text)' } }")
        }
        #expect(errors?.errors.map { "\($0.line):\($0.column)" } == ["8:25"])
    }

    @Test(
        "A switch is read as YAML 1.1 reads it, quoted or not",
        arguments: [
            ("on", true), ("ON", true), ("true", true), ("True", true), ("yes", true), ("y", true), ("'on'", true),
            ("\"true\"", true),
            ("off", false), ("Off", false), ("false", false), ("no", false), ("N", false), ("'off'", false), ("", false),
            ("~", false),
        ])
    func switches(text: String, value: Bool) throws {
        let configuration = try parse(minimalText + "api: { /v1/ready: { skip_auth: \(text) } }")
        #expect(configuration.routes["/v1/ready"]?.skipAuthentication == value)
    }

    @Test(
        "A log level is on, off or a level, in any case",
        arguments: [
            ("on", .info), ("ON", .info), ("off", nil), ("false", nil), ("DEBUG", .debug), ("debug", .debug), ("Info", .info),
            ("WARN", .warning), ("error", .error), ("''", .info), ("null", .info),
        ] as [(String, LogLevels.Level?)])
    func logLevels(text: String, level: LogLevels.Level?) throws {
        let configuration = try parse(minimalText + "log: { error: \(text), audit: \(text) }")
        #expect(configuration.log == LogLevels(error: level, audit: level))
    }

    @Test(
        "An address is an IP address and a port; localhost is the loopback interface",
        arguments: [
            ("127.0.0.1:7373", "127.0.0.1", 7373), (":7373", "", 7373), ("[::1]:7373", "::1", 7373), ("[::]:0", "::", 0),
            ("localhost:80", "127.0.0.1", 80), ("0.0.0.0:65535", "0.0.0.0", 65535), ("[2001:db8::7]:7373", "2001:db8::7", 7373),
        ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try ListenAddress(parsing: text)
        #expect(address == ListenAddress(host: host, port: port))
        #expect(try parse(minimalText + "address: '\(text)'").address == address)
    }

    @Test(
        "What is no address to listen on is refused",
        arguments: [
            "127.0.0.1", "7373", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:000080", "::1",
            "::1:80",
            "[::1]", "[::1", "[127.0.0.1]:80", "[]:80", "[localhost]:80", "1.2.3:80", "01.2.3.4:80", "256.0.0.1:80",
            "[fe80::1%eth0]:80",
            "example.com:80", "https://0.0.0.0:7373", " 127.0.0.1:80", "*:80", "127.0.0.1:\u{661}",
        ])
    func badAddresses(text: String) {
        #expect(throws: ListenAddress.Problem.self) { try ListenAddress(parsing: text) }
    }

    @Test(
        "A keystore's configuration becomes JSON with its types and every digit kept",
        arguments: [
            ("text", #""text""#), ("'text'", #""text""#), ("\"a\\\"\\\\\\n\\u0001/\u{E9}\"", #""a\"\\\u000a\u0001/é""#),
            ("", "null"),
            ("~", "null"), ("null", "null"), ("'null'", #""null""#), ("true", "true"), ("FALSE", "false"), ("'true'", #""true""#),
            ("on", #""on""#), ("no", #""no""#), ("12", "12"), ("-12", "-12"), ("+12", "12"), ("'12'", #""12""#), ("0", "0"),
            ("007", #""007""#), ("0600", #""0600""#), ("012345678901", #""012345678901""#), ("1_000", #""1_000""#),
            ("12:30", #""12:30""#),
            ("0x1F", "31"), ("0o17", "15"), ("0x", #""0x""#), ("0x-1", #""0x-1""#),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("1.50", "1.50"), (".5", "0.5"), ("5.", "5"), ("-.5e-3", "-0.5e-3"), ("1E+9", "1e9"), ("1e", #""1e""#),
            (".", #"".""#),
            ("1.2.3.4", #""1.2.3.4""#), ("2026-01-01", #""2026-01-01""#), ("15s", #""15s""#), ("!!str 12", #""12""#),
            ("!!int '12'", "12"),
            ("!!float '1'", "1"), ("!!bool 'true'", "true"), ("!!null ''", "null"), ("[ 1, a, [ ] ]", #"[1,"a",[]]"#),
            ("{ b: 1, a: { } }", #"{"b":1,"a":{}}"#), ("'${PORT}'", #""0443""#), ("${PORT}", #""0443""#), ("!!int ${SIZE}", "10"),
        ])
    func json(yaml: String, json: String) throws {
        let text = "admin: { identity: _ }\ntls: { key: k, cert: c }\nkeystore:\n  x:\n    v: \(yaml)\n"
        #expect(try parse(text, environment: ["PORT": "0443", "SIZE": "10"]).keystore.json == "{\"v\":\(json)}")
    }

    @Test("A plugin that is only named gets an empty object")
    func emptyKeystore() throws {
        for text in ["mem:", "mem: {}", "mem: ~"] {
            #expect(try parse("admin: { identity: _ }\ntls: { key: k, cert: c }\nkeystore:\n  \(text)\n").keystore.json == "{}")
        }
    }

    @Test("A keystore with nothing after its name is passed over beside one that has settings, with a warning")
    func commentedOutKeystore() throws {
        let head = "admin: { identity: _ }\ntls: { key: k, cert: c }\nkeystore:\n"
        let files = [("  fs: { path: /k }\n  vault:\n  #  endpoint: v\n", 5), ("  vault: ~\n  fs: { path: /k }\n", 4)]
        for (text, line) in files {
            let configuration = try parse(head + text)
            #expect(configuration.keystore.name == "fs" && configuration.keystore.json == #"{"path":"/k"}"#)
            #expect(
                configuration.origin.warnings.map(\.description) == [
                    "kes.yml:\(line):3: 'keystore.vault' is empty and passed over; remove it"
                ])
        }
        for text in ["  mem:\n  fs:\n", "  mem: {}\n  fs: {}\n", "  mem:\n  fs: {}\n  sqlite: {}\n"] {
            let error = #expect(throws: ConfigurationErrors.self) { try parse(head + text) }
            #expect(error?.description.contains("two keystores: ") == true)
        }
    }
}
