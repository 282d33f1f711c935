import Glibc
import TestSupport
import Testing

/// What the server asks the system for, so that keys stay in it.
@Suite struct HardeningTests {
    private let deployment: Deployment
    private let process: Subprocess
    private let banner: String

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
        let command = [kesPath(), "server", "--config", deployment.configuration]
        // The files of a process that may not be looked into belong to root:root (proc(5)). For them to belong to anybody else otherwise,
        // root needs another group.
        let group = geteuid() == 0 ? ["setpriv", "--regid=1", "--clear-groups"] : []
        let all = (Self.mayLock ? Self.unlimited : []) + group + command
        process = try Subprocess(all[0], Array(all.dropFirst()))
        banner = try ServerProcess.waitForBanner(of: process).text
    }

    /// The line of a file of the server's below /proc that begins with `name`.
    private func line(_ name: String, of file: String) throws -> String {
        let text = String(decoding: try readFile("/proc/\(process.pid)/\(file)"), as: UTF8.self)
        return String(try #require(text.split(separator: "\n").first { $0.hasPrefix(name) }.map { $0.dropFirst(name.count) }))
    }

    @Test func noOtherProcessMayLookIntoItsMemory() throws {
        var status = stat()
        try #require(stat("/proc/\(process.pid)/environ", &status) == 0)
        #expect(status.st_uid == 0 && status.st_gid == 0)
    }

    private static let mayDump: Bool = {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 && limit.rlim_max > 0
    }()

    @Test(.enabled(if: mayDump, "needs a limit of core dumps above zero"))
    func itLeavesNoCoreDump() throws {
        #expect(try line("Max core file size", of: "limits").split(separator: " ").prefix(2) == ["0", "0"])
    }

    private static let unlimited = ["prlimit", "--memlock=unlimited"]
    private static let mayLock = (try? run(unlimited[0], [unlimited[1], "true"]).code) == 0

    @Test(.enabled(if: mayLock && !isSanitized, "needs the right to lock any amount of memory"))
    func itsMemoryIsNotSwapped() throws {
        #expect(banner.contains("on"))
        let locked = try #require(Int(line("VmLck:", of: "status").filter(\.isNumber)))
        let all = try #require(Int(line("VmSize:", of: "status").filter(\.isNumber)))
        // All but what cannot be locked, as what the kernel maps into each process.
        #expect(locked > all / 2, "\(locked) of \(all) kB are locked")
    }
}
