import Host
import NIOCore
import NIOPosix
import PluginAPI
import SecureBytes
import Testing

@Suite("Opening and closing a keystore", .timeLimit(.minutes(1)))
struct BridgeLifeTests {
    private func open(
        _ configuration: String, timeout: Duration = .seconds(60)
    ) throws -> (PluginControl, @Sendable () -> PluginError?) {
        let plugin = try CompiledPlugin("keystore.c", name: "scripted")
        let loaded = try plugin.load()
        let control = try PluginControl(plugin.library)
        return (
            control,
            {
                do throws(PluginError) {
                    _ = try KeystoreBridge.open(
                        loaded, configuration: SecretBytes(text: configuration), timeout: timeout, logger: LogRecorder().logger)
                    return nil
                } catch { return error }
            }
        )
    }

    @Test("a configuration that the plugin refuses is an error with the plugin's own words")
    func refused() async throws {
        let (_, open) = try open("{\"pfad\":1}")
        let error = await onThread(open)
        #expect(error == .openFailed(plugin: "scripted", KeystoreFailure(.invalid, "the path is missing: give 'path'")))
        #expect(error.map { "\($0)" } == "cannot open the keystore 'scripted': invalid: the path is missing: give 'path'")
    }

    @Test("an open that says OK without an instance is an error")
    func noInstance() async throws {
        let (_, open) = try open("\"null\"")
        #expect(
            await onThread(open)
                == .openFailed(plugin: "scripted", KeystoreFailure(.internal, "open returned OK but no instance")))
    }

    @Test("an open that does not return in time is an error, and what it opens late is closed")
    func lateOpen() async throws {
        let (control, open) = try open("\"block\"", timeout: .milliseconds(20))
        let error = await onThread(open)
        #expect(error == .openFailed(plugin: "scripted", KeystoreFailure(.timeout, "no answer within the time limit")))
        control.openGate()
        await onThread { control.call("test_wait_until_closed") }
    }

    @Test("the plugin's lines go to the error log, and cannot forge others")
    func pluginLog() throws {
        let keystore = try ScriptedKeystore()
        #expect(keystore.log.messages(.info) == ["keystore 'scripted': opened\\u{a}forged line"])
    }

    @Test("close closes the instance once, and later calls fail")
    func close() async throws {
        let keystore = try ScriptedKeystore()
        _ = await keystore.create("key", SecretBytes(text: "x"))
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        #expect(keystore.calls(.close) == 1)
        #expect(await keystore.get("key").failure?.kind == .unreachable)
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closedBefore)
        #expect(keystore.calls(.close) == 1)
    }

    @Test("close waits for calls that run and for those that wait, and refuses new ones")
    func closeWaits() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 1))
        _ = await keystore.create("key", SecretBytes(text: "x"))
        async let running = keystore.get("block-key")
        await keystore.waitUntilBlocked(1)
        let queued = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: SecretBytes.self)
        keystore.bridge.get("key", timeout: .seconds(60)) { queued.completeWith($0.mapError { $0 }) }
        async let outcome = onThread { keystore.bridge.close(within: .seconds(60)) }
        // Until close has begun, a call waits for the one thread in vain.
        while await keystore.get("key", timeout: .milliseconds(10)).failure?.kind != .unreachable {}
        #expect(keystore.calls(.close) == 0)
        keystore.openGate()
        #expect(await running.failure?.kind == .notFound)
        #expect(try await queued.futureResult.get().text == "x")
        #expect(await outcome == .closed)
        #expect(keystore.calls(.close) == 1)
    }

    @Test("close refuses what still waits when its time is up")
    func closeWithFullQueue() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 1))
        async let running = keystore.get("block-key")
        await keystore.waitUntilBlocked(1)
        let queued = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: SecretBytes.self)
        keystore.bridge.get("key", timeout: .seconds(60)) { queued.completeWith($0.mapError { $0 }) }
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(20)) } == .callsStillRunning(1))
        await #expect(throws: KeystoreFailure(.unreachable, "the keystore 'scripted' is closed")) {
            try await queued.futureResult.get()
        }
        keystore.openGate()
        #expect(await running.failure?.kind == .notFound)
    }

    @Test("close gives up on a call that does not return, and does not close the instance under it")
    func closeWithStuckCall() async throws {
        let keystore = try ScriptedKeystore()
        #expect(await keystore.get("block-key", timeout: .milliseconds(20)).failure?.kind == .timeout)
        #expect(await onThread { keystore.bridge.close(within: .milliseconds(20)) } == .callsStillRunning(1))
        #expect(keystore.calls(.close) == 0)
        #expect(keystore.log.messages(.error).last?.contains("1 call has not returned") == true)
    }

    @Test("many callers on many threads each get their own answer, exactly once")
    func stress() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 8))
        let (callers, rounds) = (8, 400)
        let failures = Recorder()
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    for round in 0..<rounds {
                        let name = "key-\(caller)-\(round)"
                        let created = await keystore.create(name, SecretBytes(text: name))
                        let read = await keystore.get(name)
                        let deleted = await keystore.delete(name)
                        if !created.isSuccess || (try? read.get().text) != name || !deleted.isSuccess {
                            failures.add("\(name): \(created) \(read) \(deleted)")
                        }
                    }
                }
            }
        }
        #expect(failures.all == [])
        #expect(keystore.calls(.get) == Int32(callers * rounds))
        #expect(try await keystore.list("").get() == [])
    }

    @Test("answers at the very deadline come exactly once, as a value or as a timeout")
    func racingDeadlines() async throws {
        let keystore = try ScriptedKeystore(limits: .init(threads: 4))
        _ = await keystore.create("key", SecretBytes(text: "x"))
        let kinds = await withTaskGroup(of: KeystoreFailure.Kind?.self) { group in
            for index in 0..<2000 {
                // `once` traps when a completion runs twice, and never ends when it does not run.
                group.addTask { await keystore.get("key", timeout: .microseconds(index % 100)).failure?.kind }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(kinds.allSatisfy { $0 == nil || $0 == .timeout || $0 == .unreachable })
        #expect(kinds.count == 2000)
    }
}
