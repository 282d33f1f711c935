import Foundation
import Glibc
import TestSupport
import Testing

/// What `kes plugin check` says of keystores that keep their promises, and of such that break one.
@Suite struct ConformanceTests {
    struct Line: Decodable {
        var rule: String
        var result: String
        var details: [String]
        var reproduce: String
    }

    struct Report: Decodable {
        var name: String?
        var error: String?
        var passed: Bool
        var rules: [Line]

        func passed(_ rule: String) -> Bool { rules.first { $0.rule == rule }?.result == "passed" }
    }

    static func check(_ library: String, _ arguments: [String]) throws -> (code: Int32, report: Report) {
        let result = try run(kesPath(), ["plugin", "check", library, "--json"] + arguments)
        try #require(!result.output.isEmpty, "\(result.errorText)")
        return (result.code, try JSONDecoder().decode(Report.self, from: Data(result.output)))
    }

    /// Compiles the fixture with one promise broken.
    static func compile(
        _ promise: String, _ fixture: String = "keystore", flags: String = "0", into directory: TemporaryDirectory
    ) throws -> String {
        let root = Repository.root
        let library = directory.file("lib\(promise).so")
        let result = try run(
            "gcc",
            [
                "-shared", "-fPIC", "-O1", "-pthread", "-Wall", "-Wextra", "-Werror", "-Wno-use-after-free", "-DBREAK=\(promise)",
                "-DMORE_FLAGS=\(flags)",
                promise == "NO_ENTRY" ? "-DNO_ENTRY_POINT" : "-UNO_ENTRY_POINT", "-I\(root)/Sources/PluginAPI/include",
                "\(root)/Tests/ConformanceTests/Fixtures/\(fixture).c", "-o", library,
            ])
        try #require(result.code == 0, "\(result.errorText)")
        return library
    }

    private static let allocator: Comment = "a sanitizer stands in the place of the allocator, in which some rules are looked for"

    @Test(
        "The keystores of this repository keep all rules", .disabled(if: isSanitized, Self.allocator),
        arguments: [
            ("MemStore", "{}", []), ("FSStore", #"{"path":"{dir}"}"#, ["--durable"]),
            ("SQLiteStore", #"{"path":"{dir}/keys.db"}"#, ["--durable"]),
        ])
    func ownKeystores(library: String, configuration: String, arguments: [String]) throws {
        let (code, report) = try Self.check("\(buildDirectory())/lib\(library).so", ["--config", configuration] + arguments)
        for line in report.rules where line.result == "failed" { Issue.record("\(line.rule): \(line.details)") }
        #expect(code == 0)
        #expect(report.passed)
        #expect(report.rules.count == 48 - (arguments.isEmpty ? 1 : 0))
        let skipped = report.rules.filter { $0.result == "skipped" }.map(\.rule)
        switch library {
        // A keystore in memory has nothing that two processes could share.
        case "MemStore": #expect(skipped == ["open.foreign", "open.damaged", "processes.race"])
        // One with many files has none that all keys are in.
        case "FSStore": #expect(skipped == ["open.foreign", "open.damaged"])
        default: #expect(skipped == [])
        }
    }

    @Test(
        "A keystore of a stranger that keeps its promises passes",
        arguments: [("keystore", "{dir}", []), ("onefile", "{dir}/keys", ["--only", "open.foreign", "--only", "open.damaged"])])
    func stranger(fixture: String, path: String, arguments: [String]) throws {
        let directory = try TemporaryDirectory()
        let library = try Self.compile("NOTHING", fixture, into: directory)
        let (code, report) = try Self.check(library, ["--config", "{\"path\":\"\(path)\"}"] + arguments)
        for line in report.rules where line.result == "failed" { Issue.record("\(line.rule): \(line.details)") }
        #expect(code == 0)
        #expect(report.name == (fixture == "keystore" ? "broken" : fixture))
        if fixture == "onefile" { for rule in ["open.foreign", "open.damaged"] { #expect(report.passed(rule), "\(rule)") } }
    }

    @Test(
        "A broken promise is found, by its rule, and the runner lives on", .disabled(if: isSanitized, Self.allocator),
        arguments: BrokenPlugin.all)
    func broken(_ plugin: BrokenPlugin) throws {
        let directory = try TemporaryDirectory()
        let library = try Self.compile(plugin.promise, plugin.fixture, into: directory)
        let configuration = "{\"path\":\"\(plugin.path)\"}"
        let (code, report) = try Self.check(
            library, ["--config", configuration, "--seed", "7", "--only", plugin.shownBy] + plugin.arguments)
        #expect(code == 1)
        #expect(!report.passed)
        let failed = report.rules.filter { $0.result == "failed" }
        #expect(failed.contains { $0.rule == plugin.rule }, "found instead: \(failed.map { "\($0.rule) \($0.details)" })")
        for line in failed {
            #expect(!line.details.isEmpty)
            #expect(line.reproduce.hasPrefix("kes plugin check \(library) --config '\(configuration)' --seed 7"))
        }
    }

    @Test("A keystore that bears one call at a time passes when it says so, and only then")
    func serial() throws {
        let directory = try TemporaryDirectory()
        let arguments = [
            "--config", #"{"path":"{dir}"}"#, "--only", "threads.mixed", "--only", "threads.race", "--only", "list.changes",
        ]
        let serial = try Self.compile("SHARED_BUFFER", flags: "KESWICK_SERIAL", into: directory)
        let (code, report) = try Self.check(serial, arguments)
        #expect(code == 0, "\(report.rules.filter { $0.result == "failed" }.map(\.details))")
    }

    @Test("What cannot be tried is skipped, and says why")
    func skipped() throws {
        let library = "\(buildDirectory())/libMemStore.so"
        let arguments = ["--durable", "--only", "processes.race", "--only", "durable.kill"]
        let (code, report) = try Self.check(library, arguments)
        #expect(code == 0)
        for rule in ["processes.race", "durable.kill"] {
            let line = try #require(report.rules.first { $0.rule == rule })
            #expect(line.result == "skipped")
            #expect(line.details.first?.contains("in memory") == true)
        }
    }

    @Test("The report for people names the rule, what was seen, and how to see it again")
    func reportForPeople() throws {
        let directory = try TemporaryDirectory()
        let library = try Self.compile("OVERWRITES", into: directory)
        let result = try run(
            kesPath(), ["plugin", "check", library, "--config", #"{"path":"{dir}"}"#, "--only", "create.exists"])
        #expect(result.code == 1)
        #expect(result.text.contains("FAIL create.exists"))
        #expect(result.text.contains("answers EXISTS and leaves the stored value as it was."))
        #expect(result.text.contains("create() of a name that is taken answered OK"))
        #expect(result.text.contains("again: kes plugin check \(library) --config '{\"path\":\"{dir}\"}' --seed "))
        #expect(result.text.contains("1 failed"))
    }

    @Test("A keystore that is not the check's own is left as it was")
    func leavesNothingBehind() throws {
        let directory = try TemporaryDirectory()
        let configuration = "{\"path\":\"\(directory.path)\"}"
        try directory.write("somebody's", to: "key", mode: 0o600)
        let (code, _) = try Self.check(
            "\(buildDirectory())/libFSStore.so", ["--config", configuration, "--only", "names.allowed"])
        #expect(code == 0)
        #expect(try run("ls", ["-A", directory.path]).text == "key\n")
    }

    @Test("An unknown rule is wrong usage, a missing file an error")
    func usage() throws {
        let unknown = try run(kesPath(), ["plugin", "check", "/nowhere.so", "--only", "no.rule"])
        #expect(unknown.code == 2)
        #expect(unknown.errorText.contains("There is no rule 'no.rule'"))
        let missing = try run(kesPath(), ["plugin", "check", "/nowhere.so"])
        #expect(missing.code == 1)
        #expect(missing.errorText.contains("cannot read /nowhere.so"))
    }
}
