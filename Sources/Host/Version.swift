/// What this build calls itself.
package enum Version {
    /// Semantic version (semver.org) of the server and the command line.
    package static let number = "0.1.0"
    /// The commit that the build was made from. Set by the release script; a build from a work tree does not know it.
    package static let commit = "unknown"
}
