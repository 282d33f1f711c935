/// How a plugin's own process is started: the program, which is this one, and the arguments that make it one.
package struct PluginLauncher: Equatable, Sendable {
    package var program: String
    package var arguments: [String]

    package init(program: String, arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    /// Whatever file runs here, also when another has taken its place since.
    package static let own = PluginLauncher(program: "/proc/self/exe", arguments: ["plugin", "process"])
}
