import ArgumentParser
import Glibc
import KESClient

/// An error for the person at the command line: `Error: …` on standard error, exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    private let isSilent: Bool
    /// What ends the process, when it is a signal.
    private var signal: Int32?

    init(_ description: String) {
        self.init(description, isSilent: false)
    }

    private init(_ description: String, isSilent: Bool) {
        self.description = description
        self.isSilent = isSilent
    }

    /// What read the output has ended, as `head` does when it has enough: there is nothing to say, and nobody to say it to.
    static let nobodyReads = CommandFailure("nobody reads the output", isSilent: true).ending(with: SIGPIPE)

    /// The same, after which the process ends by a signal that it put off, so that a shell's loop ends with it.
    func ending(with signal: Int32) -> CommandFailure {
        var failure = self
        failure.signal = signal
        return failure
    }

    /// Says what was being done, as in `failed to create key 'x': key already exists`.
    init(_ action: String, _ error: any Error) {
        if let error = error as? KESError {
            self.init("failed to \(action): \(error)\(Self.remedy(for: error))")
        } else {
            self.init("failed to \(action): \(error)")
        }
    }

    /// What the person can do about it with this program.
    private static func remedy(for error: KESError) -> String {
        switch error {
        case .untrustedServer(_, let problem):
            ". \(remedy(for: problem.kind)), or skip the check with -k (--insecure)"
        case .clientRefused:
            """
            . Set KES_CLIENT_KEY and KES_CLIENT_CERT to a key and a certificate that an authority of the server's tls.ca has issued, or have \
            tls.auth switched off there
            """
        case .allEndpointsFailed(let errors):
            errors.lazy.map(remedy).first { !$0.isEmpty } ?? ""
        default:
            ""
        }
    }

    private static func remedy(for problem: ServerCertificateProblem.Kind) -> String {
        switch problem {
        case .selfSigned, .notTrusted:
            "Set SSL_CERT_FILE to a file with this certificate, which the server has as tls.cert"
        case .unknownAuthority:
            "Set SSL_CERT_FILE to a file with the certificate of that authority"
        case .expired, .notForServers:
            "Have the certificate of the server renewed (its tls.cert)"
        case .notYetValid:
            "Set the clock, or have the certificate of the server renewed (its tls.cert)"
        case .otherName:
            "Call the server by a name or address that is in its certificate (-s, KES_SERVER)"
        }
    }
}

/// A group of commands was named and none of its commands: its help on standard error, exit code 2.
struct MissingSubcommand: Error {
    let help: String
}

extension CommandFailure {
    /// Prints what `error` says and ends the process: 0 when it is help or another clean end, 1 for a failure, 2 for wrong usage.
    static func exit(with error: any Error) -> Never {
        switch error {
        case let error as CommandFailure:
            if !error.isSilent { printError("Error: \(error)\n") }
            if let number = error.signal {
                // The libraries for the network have SIGPIPE ignored, and the threads on which commands run have the others blocked.
                Glibc.signal(number, SIG_DFL)
                var set = sigset_t()
                sigemptyset(&set)
                sigaddset(&set, number)
                pthread_sigmask(SIG_UNBLOCK, &set, nil)
                raise(number)
            }
            Glibc.exit(1)
        case let error as MissingSubcommand:
            printError(error.help + "\n")
            Glibc.exit(2)
        case let error as KESError:
            printError("Error: \(error)\(remedy(for: error))\n")
            Glibc.exit(1)
        case let error as ExitCode:
            Glibc.exit(error.rawValue)
        default:
            let code = Kes.exitCode(for: error)
            let message = Kes.fullMessage(for: error)
            if code == .success {
                print(message)
                Glibc.exit(0)
            }
            let mistyped = code == .validationFailure ? MistypedCommand.find(in: Array(CommandLine.arguments.dropFirst())) : nil
            printError((mistyped.map { "Error: \($0)" } ?? message) + "\n")
            // ArgumentParser exits with EX_USAGE (64) for wrong usage; scripts expect 2.
            Glibc.exit(code == .validationFailure ? 2 : 1)
        }
    }

    private static func printError(_ text: String) {
        // When not even standard error can be written, the exit code is all that is left.
        try? Output.write(TerminalText.safe(text), to: STDERR_FILENO)
    }
}
