import Glibc
import TestSupport
import Testing

/// What a server says that comes to a bad end.
@Suite struct CrashTests {
    @Test(
        "A server that crashes shows nothing of its memory",
        .disabled(if: isSanitized, "a sanitizer reports crashes"),
        arguments: [SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGTRAP, SIGFPE, SIGQUIT])
    func silent(_ number: Int32) throws {
        let deployment = try Deployment()
        // Not in memory, about which there is a warning after the banner.
        try deployment.configure(keystore: "fs: { path: \(deployment.directory.file("keys")) }")
        let process = try Subprocess(
            kesPath(), ["server", "--config", deployment.configuration], environment: ["SWIFT_BACKTRACE": "enable=yes,color=no"])
        _ = try ServerProcess.waitForBanner(of: process)
        process.signal(number)
        #expect(process.wait() == -number)
        var rest: [UInt8] = []
        while case let bytes = process.readError(), !bytes.isEmpty { rest += bytes }
        #expect(rest.isEmpty, "\(String(decoding: rest, as: UTF8.self))")
    }
}
