/// How a plugin's own process is started: the program, which is this one, and the arguments that make it one.
package struct PluginLauncher: Equatable, Sendable {
    package var program: String
    package var arguments: [String]
    /// A process that ends sooner is started again only after a pause: 0.1 s, doubled each time to at most 10 s.
    package var steadyAfter: Duration

    package init(program: String, arguments: [String], steadyAfter: Duration = .seconds(10)) {
        self.program = program
        self.arguments = arguments
        self.steadyAfter = steadyAfter
    }

    /// Whatever file runs here, also when another has taken its place since.
    package static let own = PluginLauncher(program: "/proc/self/exe", arguments: ["plugin", "process"])
}
