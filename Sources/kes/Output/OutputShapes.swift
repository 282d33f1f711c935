import Host
import KESClient

extension OutputOptions {
    /// What can be done to something.
    enum Change: String {
        case created, imported, deleted, assigned
    }

    /// Tells a person that something was done, and a program when it wants to hear of it: it can go by the exit code.
    ///
    /// - Parameter kind: `key`, `policy` or `identity`.
    func confirm(_ change: Change, _ kind: String, _ name: String) throws(CommandFailure) {
        let output = output
        if json {
            try output.json(JSONText.object([(kind, JSONText.string(name)), ("result", JSONText.string(change.rawValue))]))
        } else if !isForProgram {
            let what = change.rawValue.prefix(1).uppercased() + change.rawValue.dropFirst() + " " + kind
            try output.line("\(output.green(what)) \(output.bold(name))")
        }
    }

    /// Prints what is known about one thing: lines with labels for a person, a JSON object for a program. Members without a
    /// value are left out.
    func description(_ members: [(label: String, name: String, value: String?)]) throws(CommandFailure) {
        let output = output
        if isForProgram {
            try output.json(JSONText.object(members.map { ($0.name, $0.value.map(JSONText.string)) }))
        } else {
            try output.text(output.table(members.compactMap { member in member.value.map { (member.label, $0) } }))
        }
    }

    /// Prints names as they come, one a line; with `--json` as an array.
    func list(_ names: NameListing, of kind: String) async throws {
        let output = output
        do {
            if json {
                try output.json(JSONText.array(try await names.all()))
            } else {
                for try await name in names { try output.line(OperatorText.escaped(name)) }
            }
        } catch let error as KESError {
            throw CommandFailure("list \(kind)", error)
        }
    }
}
