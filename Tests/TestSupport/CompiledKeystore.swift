import Glibc
import Testing

/// Compiles a fixture of the host's tests into a plugin with a manifest.
///
/// - Parameters:
///   - source: the fixture.
///   - definitions: For the preprocessor: `NAME=VALUE`.
///   - extra: lines for the manifest.
package func compileKeystore(
    _ name: String, source: String = "keystore.c", definitions: [String] = [], extra: String = "",
    into directory: TemporaryDirectory
) throws {
    let library = directory.file("lib\(name).so")
    let result = try run(
        "cc",
        ["-shared", "-fPIC", "-pthread", "-I\(Repository.root)/Sources/PluginAPI/include", "-DNAME=\"\(name)\""]
            + definitions.map { "-D\($0)" }
            + ["\(Repository.root)/Tests/HostTests/Fixtures/\(source)", "-o", library])
    try #require(result.code == 0, "\(result.errorText)")
    chmod(library, 0o755)
    try directory.write("name: \(name)\nlibrary: lib\(name).so\n\(extra)", to: "\(name).yml", mode: 0o644)
}
