import ArgumentParser
import Credentials
import Host

/// A word in the place of a command that is none, as in `kes key creat`.
struct MistypedCommand: CustomStringConvertible {
    private let word: String
    /// The group whose command it was to be: `kes key`.
    private let group: String
    private let known: [String]

    /// - Parameter arguments: of the command line, without the program's name.
    /// - Returns: nil when the words before the first option name a command.
    static func find(in arguments: [String]) -> MistypedCommand? {
        var commands = Kes.configuration.subcommands
        var group = "kes"
        for word in arguments {
            // What stands behind a command, and behind an option, are arguments.
            if commands.isEmpty || word.hasPrefix("-") || (group == "kes" && word == "help") { return nil }
            guard let next = commands.first(where: { $0.configuration.commandName == word }) else {
                let known = commands.compactMap { $0.configuration.shouldDisplay ? $0.configuration.commandName : nil }
                return MistypedCommand(word: word, group: group, known: known)
            }
            commands = next.configuration.subcommands
            group += " \(word)"
        }
        return nil
    }

    /// The command that was meant, if one is near enough: `kes key create`.
    var nearest: String? { NearestName.of(word, among: known).map { "\(group) \($0)" } }

    var description: String {
        let problem = "'\(APIKey.masked(in: word))' is no command of '\(group)'"
        if let nearest { return "\(problem); did you mean '\(nearest)'?" }
        return "\(problem); there are \(known.joined(separator: ", ")). See '\(group) --help'"
    }
}
