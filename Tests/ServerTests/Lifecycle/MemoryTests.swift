import SecureBytes
import TestSupport
import Testing

/// What is secret is in the server's memory for as long as it is needed there, and not in what was given back.
@Suite(.enabled(if: ServerProcess.memoryIsReadable && !isSanitized, "needs the right to read a server's memory (CAP_SYS_PTRACE)"))
struct MemoryTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        server = try ServerProcess(deployment)
    }

    private func call(_ method: String, _ path: String, _ body: [UInt8], _ flag: String) throws -> Int {
        let arguments = [flag, "-X", method, "-H", "Expect:", "--data-binary", "@-"]
        return try server.curl(path, as: server.deployment.admin, arguments, input: body).status
    }

    private func random(_ count: Int) throws -> [UInt8] { try SecretBytes.random(count: count).withUnsafeBytes { Array($0) } }

    private func base64(_ bytes: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: Base64.encodedCount(bytes.count))
        text.withUnsafeMutableBytes { text in bytes.withUnsafeBytes { _ = Base64.encode($0, into: text) } }
        return text
    }

    /// Whether `pattern` is gone. A connection that has answered may still be about to give its buffers back.
    private func isGone(_ pattern: [UInt8]) throws -> Bool {
        for _ in 0..<100 where try !server.memoryHolds(pattern) { return true }
        return false
    }

    /// BoringSSL decrypts each record in a buffer of its own, which it frees as it is.
    @Test(arguments: ["--http1.1", "--http2"])
    func anImportedKeyIsInTheCacheOnlyAndGoneWhenItIsDeleted(flag: String) throws {
        let key = try random(32)
        let body = Array(#"{"cipher":"AES256","key":""#.utf8) + base64(key) + Array("\"}".utf8)
        #expect(try call("PUT", "/v1/key/import/k", body, flag) == 200)
        #expect(try call("PUT", "/v1/key/generate/k", [], flag) == 200)
        // Or looking would prove nothing.
        #expect(try server.memoryHolds(key))
        #expect(try isGone(base64(key)))
        #expect(try call("DELETE", "/v1/key/delete/k", [], flag) == 200)
        #expect(try isGone(key))
    }

    /// NIOSSL's buffer for what it has decrypted is copied when it grows.
    @Test(arguments: ["--http1.1", "--http2"])
    func aLongPlaintextIsGoneWhenItIsAnswered(flag: String) throws {
        #expect(try call("PUT", "/v1/key/create/k", [], flag) == 200)
        // Of a length that base64 has no rest of, so that its text repeats as well.
        let piece = try random(48)
        let plaintext = Array(repeatElement(piece, count: 10_000).joined())
        let body = Array(#"{"plaintext":""#.utf8) + base64(plaintext) + Array("\"}".utf8)
        #expect(try call("PUT", "/v1/key/encrypt/k", body, flag) == 200)
        #expect(try isGone(base64(piece)))
        #expect(try isGone(piece))
    }
}
