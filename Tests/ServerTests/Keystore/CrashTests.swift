import Glibc
import TestSupport
import Testing

/// What a server, or a command, says that comes to a bad end.
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

    @Test(
        "A command that crashes shows nothing of its memory", .disabled(if: isSanitized, "a sanitizer reports crashes"),
        arguments: [SIGSEGV, SIGABRT, SIGTRAP])
    func silentCommand(_ number: Int32) throws {
        let deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let server = try ServerProcess(deployment)
        let process = try Subprocess(
            kesPath(), ["log", "--insecure"],
            environment: [
                "KES_SERVER": server.endpoint, "KES_API_KEY": deployment.admin.apiKey, "SWIFT_BACKTRACE": "enable=yes,color=no",
            ])
        // It has shown its key, and follows the log.
        try server.line(containing: "/v1/log/audit", of: server.auditFile)
        let limits = try String(decoding: readFile("/proc/\(process.pid)/limits"), as: UTF8.self)
        #expect(limits.contains(#/Max core file size +0 +0 /#))
        process.signal(number)
        #expect(process.wait() == -number)
        var rest: [UInt8] = []
        while case let bytes = process.readError(), !bytes.isEmpty { rest += bytes }
        #expect(rest.isEmpty, "\(String(decoding: rest, as: UTF8.self))")
    }
}
