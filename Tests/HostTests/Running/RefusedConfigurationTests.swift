import Credentials
import Glibc
import Host
import TestSupport
import Testing

/// A server that cannot use its configuration leaves the keystore as it was.
@Suite struct RefusedConfigurationTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
    }

    /// A keystore in `directory`, a key to make, and a private key that is not the certificate's.
    private func writeWrongConfiguration(directory: String) throws {
        try PrivateKey(generating: .ecdsaP256).pem().withUnsafeBytes {
            _ = try deployment.directory.write([UInt8]($0), to: "server.key")
        }
        try deployment.configure(keystore: "fs: { path: \(directory) }", more: "keys: [ { name: made-for-nothing } ]")
    }

    @Test("A refused reload makes no key")
    func reload() throws {
        let directory = deployment.directory.file("keys")
        try deployment.configure(keystore: "fs: { path: \(directory) }", more: "keys: [ { name: first } ]")
        let server = try RunningServer(deployment)
        #expect(access("\(directory)/first", F_OK) == 0)
        try writeWrongConfiguration(directory: directory)
        #expect(throws: TLSFileError.self) { try server.reload() }
        #expect(access("\(directory)/made-for-nothing", F_OK) != 0)
        #expect(try server.get("/v1/key/describe/made-for-nothing").text == #"{"message":"key does not exist"}"#)
    }

    @Test("A refused reload makes nothing where another keystore would be")
    func reloadElsewhere() throws {
        try deployment.configure(keystore: "mem: {}", more: "keys: [ { name: first } ]")
        let server = try RunningServer(deployment)
        let directory = deployment.directory.file("elsewhere")
        try writeWrongConfiguration(directory: directory)
        #expect(throws: TLSFileError.self) { try server.reload() }
        #expect(access(directory, F_OK) != 0)
        #expect(try server.get("/v1/key/describe/first").text.hasPrefix(#"{"name":"first""#))
    }

    @Test("A server that cannot start makes nothing")
    func start() throws {
        let directory = deployment.directory.file("keys")
        try writeWrongConfiguration(directory: directory)
        #expect(throws: TLSFileError.self) { try RunningServer(deployment) }
        #expect(access(directory, F_OK) != 0)
    }
}
