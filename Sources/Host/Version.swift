/// What this build calls itself.
package enum Version {
    /// Semantic version (semver.org) of the server and the command line.
    package static let number = "0.1.0"
    /// The commit that the build was made from. Whoever packages a release writes it here: a build from a work tree does not
    /// know it.
    package static let commit = "unknown"
}
