import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

/// `isolation: process`: the plugin in a process of its own, through the whole server.
@Suite struct IsolationTests {
    /// A server whose keystore `fs` runs in a process of its own.
    ///
    /// - Parameter extra: lines for its manifest.
    private static func server(
        cache: String = "any: 1h, unused: 1h", extra: String = "", audit: String = "off"
    ) throws -> (ServerProcess, TemporaryDirectory) {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try plugins.write(
            "name: fs\nlibrary: \(buildDirectory())/libFSStore.so\nisolation: process\n\(extra)", to: "fs.yml",
            mode: 0o644)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "fs: { path: \(deployment.directory.file("keys")) }",
            more:
                "plugins: { directory: \(plugins.path) }\ncache: { expiry: { \(cache) } }\nlog: { error: on, audit: \(audit) }\n")
        return (try ServerProcess(deployment), plugins)
    }

    /// The processes that a process has started and that still run.
    private static func children(of pid: pid_t) -> [pid_t] {
        var result: [pid_t] = []
        for task in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? [] {
            let list = (try? readFile("/proc/\(pid)/task/\(task)/children")) ?? []
            result += String(decoding: list, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
        }
        return result
    }

    private static func status(_ field: String, of pid: pid_t) throws -> String {
        let lines = String(decoding: try readFile("/proc/\(pid)/status"), as: UTF8.self).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("\(field):") })
        return line.dropFirst(field.count + 1).trimmingCharacters(in: .whitespaces)
    }

    @Test("A keystore in a process of its own serves like any other, and that process can do little else")
    func serves() throws {
        let (server, plugins) = try Self.server(cache: "any: 1ns, unused: 1ns", extra: "memory: 512MiB\nfiles: 200\n")
        defer { withExtendedLifetime(plugins) {} }
        let admin = server.deployment.admin
        #expect(try server.curl("/v1/key/create/my-key", as: admin, ["-X", "PUT"]).status == 200)
        #expect(try server.curl("/v1/key/create/my-key", as: admin, ["-X", "PUT"]).status == 400)
        #expect(try server.curl("/v1/key/generate/my-key", as: admin, ["-X", "PUT", "-d", "{}"]).status == 200)
        #expect(try server.curl("/v1/key/generate/other", as: admin, ["-X", "PUT", "-d", "{}"]).status == 404)
        #expect(try server.curl("/v1/key/list/", as: admin).body.contains("my-key"))
        #expect(try server.curl("/v1/key/delete/my-key", as: admin, ["-X", "DELETE"]).status == 200)

        let child = try #require(Self.children(of: server.process.pid).first)
        #expect(try Self.status("NoNewPrivs", of: child) == "1")
        #expect(try Self.status("Threads", of: child) != "0")
        // What only root may look at, because the process hides its memory.
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(child)/fd"), !files.isEmpty {
            let targets = files.compactMap {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(child)/fd/\($0)")
            }
            for target in targets {
                // Sockets to the server, its streams, and what the plugin has opened itself.
                let isOwn =
                    target.hasPrefix("socket:") || target.hasPrefix("pipe:") || target.hasPrefix(server.deployment.directory.path)
                #expect(isOwn || target == "/dev/null" || target == "anon_inode:[eventfd]", "\(target)")
            }
            let limits = String(decoding: try readFile("/proc/\(child)/limits"), as: UTF8.self)
            #expect(limits.split(separator: "\n").contains { $0.hasPrefix("Max core file size") && $0.contains(" 0 ") })
            #expect(
                isSanitized
                    || limits.split(separator: "\n").contains { $0.hasPrefix("Max data size") && $0.contains("536870912") })
            #expect(limits.split(separator: "\n").contains { $0.hasPrefix("Max open files") && $0.contains(" 200 ") })
            let environment = String(decoding: try readFile("/proc/\(child)/environ"), as: UTF8.self)
            #expect(!environment.contains("KES_"))
        }

        #expect(server.stop(SIGTERM) == 0)
        #expect(kill(child, 0) != 0, "the plugin's process has ended with the server")
    }

    /// The server hides its memory, and with it what it has open, from all but root.
    @Test("A process that was replaced leaves no sockets behind", .enabled(if: geteuid() == 0))
    func replacedProcessLeavesNothing() throws {
        let (server, plugins) = try Self.server()
        defer { withExtendedLifetime(plugins) {} }
        let descriptors = "/proc/\(server.process.pid)/fd"
        func sockets() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: descriptors).count {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(descriptors)/\($0)"))?.hasPrefix("socket:") == true
            }
        }
        let before = try sockets()
        #expect(before > 16)
        kill(try #require(Self.children(of: server.process.pid).first), SIGKILL)
        try server.errorLine(containing: "the plugin's process runs again")
        #expect(try sockets() == before)
    }

    @Test("A server that is killed takes the plugin's process with it, and what that has started")
    func serverKilled() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore("scripted", definitions: ["HELPERS"], extra: "isolation: process\n", into: plugins)
        let deployment = try Deployment()
        try deployment.configure(keystore: "scripted: {}", more: "plugins: { directory: \(plugins.path) }\n")
        let server = try ServerProcess(deployment)
        let line = try server.errorLine(containing: "started ")
        let numbers = line.split { !$0.isNumber }.suffix(3).compactMap { pid_t($0) }
        #expect(numbers.first == Self.children(of: server.process.pid).first)
        let processes = try numbers.map { try WatchedProcess($0) }
        server.stop(SIGKILL)
        for process in processes { #expect(process.ends()) }
    }

    @Test("A keystore that does not open in its process says why, as any other")
    func openFails() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try plugins.write("name: fs\nlibrary: \(buildDirectory())/libFSStore.so\nisolation: process\n", to: "fs.yml", mode: 0o644)
        let deployment = try Deployment()
        try deployment.configure(keystore: "fs: { pth: /nowhere }", more: "plugins: { directory: \(plugins.path) }")
        #expect {
            try ServerProcess(deployment)
        } throws: { ($0 as? ServerProcess.NotStarted)?.errorText.contains("unknown member `pth`") == true }
    }

    @Test("What a plugin writes reaches the error log only, and names the plugin")
    func output() throws {
        let plugins = try TemporaryDirectory("keswick-plugin")
        try compileKeystore("scripted", extra: "isolation: process\n", into: plugins)
        let deployment = try Deployment()
        try deployment.configure(
            keystore: "scripted: {}", more: "plugins: { directory: \(plugins.path) }\nlog: { error: on, audit: on }\n")
        let server = try ServerProcess(deployment)
        #expect(try server.curl("/v1/key/describe/shout-key", as: server.deployment.admin).status == 404)
        try server.errorLine(containing: "keystore 'scripted': its process wrote: the plugin's errors")
        _ = try server.auditEvent(containing: "/v1/key/describe/shout-key")
        #expect(server.stop() == 0)
        let (audit, errors) = (try readFile(server.auditFile), try readFile(server.errorFile))
        #expect(!String(decoding: audit, as: UTF8.self).contains("the plugin's"))
        let lines = String(decoding: errors, as: UTF8.self).split(separator: "\n").filter { $0.contains("the plugin's") }
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains("keystore 'scripted': its process wrote: ") }, "\(lines)")
    }

    @Test("Killed 100 times under load: cached keys never fail, everybody is answered in time, and the server does not grow")
    func killedUnderLoad() throws {
        // Started again at once however short it lived: a hundred pauses would take a quarter of an hour.
        let (server, plugins) = try Self.server(extra: "steady: 0s\n", audit: "on")
        defer { withExtendedLifetime(plugins) {} }
        let admin = server.deployment.admin
        let cached = (0..<10).map { "cached-\($0)" }
        for name in cached { #expect(try server.curl("/v1/key/create/\(name)", as: admin, ["-X", "PUT"]).status == 200) }

        let isOver = Atomic(false)
        let cachedStatuses = Mutex<[Int: Int]>([:])
        let otherStatuses = Mutex<[Int: Int]>([:])
        func load(_ configuration: String, _ counts: borrowing Mutex<[Int: Int]>) throws {
            let statuses = try server.curlConfiguration(configuration, as: admin)
            counts.withLock { counts in for status in statuses { counts[status, default: 0] += 1 } }
        }
        let log = try Subprocess("timeout", ["300", "tail", "-n", "+1", "-F", server.errorFile])
        var text = ""
        func waitForLog(_ phrase: String, count: Int) throws {
            while text.split(separator: phrase, omittingEmptySubsequences: false).count - 1 < count {
                let bytes = log.readOutput()
                try #require(!bytes.isEmpty, "\(phrase) did not come \(count) times:\n\(text)")
                text += String(decoding: bytes, as: UTF8.self)
            }
        }
        var sizes: [Int] = []
        try withThrowingLoad {
            while !isOver.load(ordering: .relaxed) {
                try load(Self.requests(server, cached, "generate", count: 500), cachedStatuses)
            }
        } and: {
            var round = 0
            while !isOver.load(ordering: .relaxed) {
                round += 1
                let names = (0..<50).map { "absent-\(round)-\($0)" }
                try load(Self.requests(server, names, "describe", count: 50), otherStatuses)
            }
        } while: {
            defer { isOver.store(true, ordering: .relaxed) }
            for number in 1...100 {
                let child = try #require(Self.children(of: server.process.pid).first)
                kill(child, SIGKILL)
                try waitForLog("the plugin's process runs again", count: number)
                if number == 20 || number == 100 {
                    sizes.append(try #require(Int(Self.status("VmRSS", of: server.process.pid).prefix { $0.isNumber })))
                }
            }
        }
        #expect(text.contains("the plugin's process is gone: it was ended by signal 9 (Killed)"))

        let fromCache = cachedStatuses.withLock { $0 }
        #expect(fromCache.keys.sorted() == [200], "cached keys were answered with \(fromCache)")
        #expect((fromCache[200] ?? 0) > 100)
        // Not found, or out of reach for the moment; never without an answer, and never after the time limit.
        let others = otherStatuses.withLock { $0 }
        #expect(Set(others.keys).isSubset(of: [404, 504]), "other requests were answered with \(others)")
        #expect((others[404] ?? 0) > 0)
        #expect(sizes.count == 2)
        // A sanitizer keeps what is given back, to see who uses it still.
        #expect(isSanitized || sizes[1] < sizes[0] + 8192, "the server's memory in KiB after 20 and 100 kills: \(sizes)")

        #expect(try server.curl("/v1/key/list/cached", as: admin).body.contains("cached-9"))
        #expect(server.stop(SIGTERM) == 0)
        // By the server's own account: the time limit of a route is 15 s, and half a second for the answer.
        let events = try String(decoding: readFile(server.auditFile), as: UTF8.self).split(separator: "\n").filter {
            $0.contains("/v1/key/describe/absent-")
        }
        var times: [Int] = []
        for event in events {
            let last: Substring = event.split(separator: "\"time\":").last ?? ""
            times.append(try #require(Int(last.prefix { $0.isNumber })))
        }
        #expect(times.count == others.values.reduce(0, +))
        #expect((times.max() ?? 0) < 15_500_000_000)
    }

    /// A configuration for curl: so many requests, in turn for the names.
    private static func requests(_ server: ServerProcess, _ names: [String], _ method: String, count: Int) -> String {
        let options = method == "generate" ? "request = PUT\ndata = \"{}\"\n" : ""
        let urls = (0..<count).map { number in
            "url = \"\(server.endpoint)/v1/key/\(method)/\(names[number % names.count])\"\noutput = /dev/null\n"
        }
        return options + urls.joined()
    }
}

/// Runs two loads on threads of their own while `body` runs, and waits for all three.
private func withThrowingLoad(
    _ first: @escaping () throws -> Void, and second: @escaping () throws -> Void, while body: () throws -> Void
) throws {
    final class Result: Sendable { let error = Mutex<(any Error)?>(nil) }
    // The threads are joined before this returns: what the closures capture outlives them.
    nonisolated(unsafe) let loads = [first, second]
    let results = [Result(), Result()]
    let done = DispatchSemaphore(value: 0)
    for index in 0..<2 {
        Thread {
            do { try loads[index]() } catch { results[index].error.withLock { $0 = error } }
            done.signal()
        }.start()
    }
    let outcome = Swift.Result { try body() }
    for _ in 0..<2 { done.wait() }
    for result in results { if let error = result.error.withLock({ $0 }) { throw error } }
    try outcome.get()
}
