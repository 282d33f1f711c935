import Glibc
import TestSupport
import Testing

/// `kes plugin check` says of no rule that it holds when nothing was tried.
@Suite struct UntriedTests {
    private static let store = "\(buildDirectory())/libFSStore.so"

    @Test(
        "A configuration that the plugin refuses is one error at the top, and passes nothing but the library",
        arguments: [[], ["--durable"], ["--only", "create.stores", "--only", "processes.race"]])
    func wrongConfiguration(_ arguments: [String]) throws {
        let (code, report) = try ConformanceTests.check(Self.store, arguments)
        #expect(code == 1)
        #expect(!report.passed)
        #expect(report.name == "fs")
        let error = try #require(report.error)
        #expect(error.hasPrefix("open() answered INVALID ("), "\(error)")
        #expect(error.contains("path"), "the plugin's own message: \(error)")
        #expect(error.contains("give a configuration that works with --config"), "\(error)")
        let results = Dictionary(grouping: report.rules, by: \.result).mapValues { $0.map(\.rule) }
        #expect(results["failed"] == nil)
        switch arguments.first {
        case "--only":
            #expect(results["passed"] == nil)
            #expect(results["skipped"]?.prefix(2) == ["create.stores", "processes.race"])
        default:
            #expect(results["passed"] == ["load.library", "load.table"])
            #expect(report.rules.count == (arguments.isEmpty ? 47 : 48))
        }
        let text = try run(kesPath(), ["plugin", "check", Self.store] + arguments)
        #expect(text.code == 1)
        let lines = text.text.split(separator: "\n")
        #expect(lines.first?.hasPrefix("fs ") == true)
        #expect(lines.dropFirst().first == "Error: \(error)")
    }

    @Test("A library that is no plugin passes nothing")
    func noPlugin() throws {
        let (code, report) = try ConformanceTests.check(kesPath(), [])
        #expect(code == 1)
        #expect(report.rules.filter { $0.result == "passed" }.map(\.rule) == [])
    }

    @Test("The rule of the cost of a page is tried when it is named")
    func cost() throws {
        let (code, report) = try ConformanceTests.check("\(buildDirectory())/libMemStore.so", ["--only", "list.cost"])
        #expect(code == 0)
        #expect(report.name == "mem")
        #expect(report.passed("list.cost"))
    }

    @Test("What every check watches over is passed where a check came by it, and no further")
    func watched() throws {
        func results(_ rule: String) throws -> [String: [String]] {
            let (code, report) = try ConformanceTests.check("\(buildDirectory())/libMemStore.so", ["--only", rule])
            #expect(code == 0)
            return Dictionary(grouping: report.rules, by: \.result).mapValues { $0.map(\.rule) }
        }
        let status = try results("status.ok")
        #expect(
            status == [
                "passed": ["status.ok", "calls.answers", "process.silent", "process.crash", "process.hang"],
                "skipped": ["calls.sinks", "calls.list", "errors.messages", "errors.secrets"],
            ])
        // A create and reads, and no list.
        let missing = try results("get.missing")
        #expect(missing["skipped"] == ["calls.list", "errors.messages"])
        #expect(missing["passed"]?.contains("errors.secrets") == true)
    }

    @Test("Of a plugin whose keystore is not filled, nothing is said of the cost", .disabled(if: isSanitized))
    func costNotReached() throws {
        let directory = try TemporaryDirectory()
        let library = try ConformanceTests.compile("FULL", into: directory)
        let (code, report) = try ConformanceTests.check(library, ["--config", #"{"path":"{dir}"}"#, "--only", "list.cost"])
        #expect(code == 1)
        #expect(report.rules.first { $0.rule == "list.cost" }?.result == "skipped")
        #expect(report.rules.first { $0.rule == "list.pages" }?.result == "failed")
    }

    @Test(
        "A rule that could not be tried by itself is wrong usage",
        arguments: [
            (["--only", "calls.sinks"], "Every check watches over 'calls.sinks'"),
            (["--only", "durable.kill"], "The rule 'durable.kill' is checked with --durable only."),
            (["--config", "nonsense"], "--config is not a JSON object: byte 1 "),
            (["--config", #"{"path":"a"}}"#], "--config is not a JSON object: byte 13 "),
            (["--config", #"["secret"]"#], "--config is not a JSON object: byte 1 "),
        ])
    func usage(arguments: [String], message: String) throws {
        let result = try run(kesPath(), ["plugin", "check", Self.store] + arguments)
        #expect(result.code == 2)
        #expect(result.output.isEmpty)
        #expect(result.errorText.contains(message), "\(result.errorText)")
        #expect(!result.errorText.contains("secret"))
    }
}
