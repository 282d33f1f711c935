import ArgumentParser

/// `kes completion SHELL`
struct CompletionCommand: ParsableCommand {
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completion", abstract: "Print a completion script for a shell.",
        discussion: """
            bash: source <(kes completion bash)
            zsh:  kes completion zsh > "${fpath[1]}/_kes"
            fish: kes completion fish > ~/.config/fish/completions/kes.fish
            """)

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        let completionShell: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        try Output(color: .never).line(Kes.completionScript(for: completionShell))
    }
}
