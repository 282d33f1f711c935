import ArgumentParser
import KESClient

/// `kes log`
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "log", abstract: "Follow a server's log.")

    @Flag(help: "Follow the audit log: one event for each request. This is the default.")
    var audit = false

    @Flag(help: "Follow the error log.")
    var error = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        if audit, error { throw ValidationError("Use --audit or --error, not both.") }
    }

    func run() async throws {
        let log: ServerLog = error ? .error : .audit
        let output = printing.output
        try await connection.withClient { client in
            do {
                let table = LogTable(log, output)
                if !printing.isForProgram { try output.text(table.heading) }
                for try await line in try await client.log(log) {
                    // A program gets the events as they are.
                    if printing.isForProgram { try output.json(line) } else { try output.line(table.row(line)) }
                }
            } catch let error as KESError {
                throw CommandFailure("follow the \(log.rawValue) log", error)
            }
        }
    }
}
