import Conformance
import KESClient

/// How the report of `kes plugin check` looks.
enum PluginReport {
    static func text(_ report: Report, _ output: Output) -> String {
        var text = output.bold(report.name.map { "\($0) \(report.version ?? "")" } ?? report.library) + "\n"
        if let problem = report.problem { text += output.red("Error: \(problem)") + "\n" }
        let width = report.lines.map(\.rule.id.count).max() ?? 0
        for line in report.lines {
            let id = line.rule.id + String(repeating: " ", count: width - line.rule.id.count)
            text += "  \(mark(line.result, output)) \(id)  \(output.faint(line.rule.expectation))\n"
            for detail in line.details { text += "      \(detail)\n" }
            if line.result == .failed { text += "      \(output.faint("again:")) \(line.reproduce)\n" }
        }
        let counts = [(Report.Result.passed, "passed"), (.failed, "failed"), (.warned, "warned"), (.skipped, "skipped")]
        let summary = counts.map { "\(report.count($0.0)) \($0.1)" }.joined(separator: ", ")
        return text + (report.isPassed ? output.green(summary) : output.red(summary)) + "\n"
    }

    private static func mark(_ result: Report.Result, _ output: Output) -> String {
        switch result {
        case .passed: output.green("ok  ")
        case .failed: output.red("FAIL")
        case .warned: output.bold("warn")
        case .skipped: output.faint("skip")
        }
    }

    static func json(_ report: Report) -> String {
        let lines = report.lines.map { line in
            JSONText.object([
                ("rule", JSONText.string(line.rule.id)), ("result", JSONText.string(line.result.rawValue)),
                ("expectation", JSONText.string(line.rule.expectation)), ("details", JSONText.array(line.details)),
                ("reproduce", JSONText.string(line.reproduce)),
            ])
        }
        return JSONText.object([
            ("library", JSONText.string(report.library)), ("name", report.name.map(JSONText.string)),
            ("version", report.version.map(JSONText.string)), ("passed", report.isPassed ? "true" : "false"),
            ("error", report.problem.map(JSONText.string)),
            ("rules", "[" + lines.joined(separator: ",") + "]"),
        ])
    }
}
