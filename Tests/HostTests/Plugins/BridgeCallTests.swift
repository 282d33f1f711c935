import Host
import PluginAPI
import SecureBytes
import Testing

@Suite("A call across the bridge", .timeLimit(.minutes(1)))
struct BridgeCallTests {
    @Test("get gives the exact bytes that create stored, up to 1 MiB of any value")
    func roundTrip() async throws {
        let keystore = try ScriptedKeystore()
        for count in [0, 1, 1_048_575, 1_048_576] {
            let value = SecretBytes(count: count) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
            }
            #expect(await keystore.create("key-\(count)", value).isSuccess)
            #expect(try await keystore.get("key-\(count)").get() == value)
        }
    }

    @Test("the answers EXISTS and NOT_FOUND come through")
    func answers() async throws {
        let keystore = try ScriptedKeystore()
        #expect(await keystore.get("key").failure?.kind == .notFound)
        #expect(await keystore.delete("key").failure?.kind == .notFound)
        #expect(await keystore.create("key", SecretBytes(text: "1")).isSuccess)
        #expect(await keystore.create("key", SecretBytes(text: "2")).failure?.kind == .exists)
        #expect(try await keystore.get("key").get().text == "1")
        #expect(await keystore.delete("key").isSuccess)
        #expect(await keystore.get("key").failure?.kind == .notFound)
    }

    @Test(
        "what an older plugin's table does not have, the bridge does without: status() by way of list()",
        arguments: [["SIZE=offsetof(keswick_keystore,status)", "STATUS_FUNCTION=(void*)1"], ["STATUS_FUNCTION=NULL"]])
    func olderPlugin(defines: [String]) async throws {
        let plugin = try CompiledPlugin("keystore.c", name: "older", defines: defines)
        let bridge = try KeystoreBridge.open(
            plugin.load(), configuration: SecretBytes(text: "{}"), timeout: .seconds(60), logger: LogRecorder().logger)
        let control = try PluginControl(plugin.library)
        #expect(
            await once { bridge.create("key", value: SecretBytes(text: "x"), timeout: .seconds(60), completion: $0) }.isSuccess)
        let status = await once { bridge.status(timeout: .seconds(60), completion: $0) }
        #expect(status.isSuccess)
        #expect(control.call("test_calls", ScriptedKeystore.Operation.list.rawValue) == 1)
        control.call("test_force", KESWICK_UNREACHABLE)
        #expect(await once { bridge.status(timeout: .seconds(60), completion: $0) }.failure?.kind == .unreachable)
        #expect(bridge.close(within: .seconds(10)) == .closed)
    }

    @Test("list gives pages in order, and status how long it took")
    func listAndStatus() async throws {
        let keystore = try ScriptedKeystore()
        for name in ["b", "a-2", "a-1", "a-3"] { _ = await keystore.create(name, SecretBytes(text: "x")) }
        #expect(try await keystore.list("").get() == ["a-1", "a-2", "a-3", "b"])
        #expect(try await keystore.list("a-", limit: 2).get() == ["a-1", "a-2"])
        #expect(try await keystore.list("a-", after: "a-2", limit: 2).get() == ["a-3"])
        #expect(try await keystore.list("c").get() == [])
        #expect(try await keystore.status().get() >= .zero)
    }

    @Test(
        "each result of the interface becomes its kind, with the plugin's message",
        arguments: [
            (KESWICK_INVALID, .invalid), (KESWICK_UNREACHABLE, .unreachable), (KESWICK_TIMEOUT, .timeout),
            (KESWICK_DENIED, .denied), (KESWICK_CORRUPT, .corrupt), (KESWICK_INTERNAL, .internal),
        ] as [(Int32, KeystoreFailure.Kind)])
    func kinds(code: Int32, kind: KeystoreFailure.Kind) async throws {
        let keystore = try ScriptedKeystore()
        let expected = KeystoreFailure(kind, "as the name says")
        #expect(await keystore.get("code-\(code)").failure == expected)
        #expect(await keystore.create("code-\(code)", SecretBytes(text: "x")).failure == expected)
        #expect(await keystore.delete("code-\(code)").failure == expected)
        #expect(await keystore.list("code-\(code)").failure == expected)
        keystore.force(code)
        #expect(await keystore.status().failure == KeystoreFailure(kind, "forced by the test"))
    }

    @Test("a result that the interface does not have, or not for that function, is an internal error")
    func unknownResults() async throws {
        let keystore = try ScriptedKeystore()
        let failure = await keystore.get("code-77").failure
        #expect(failure?.kind == .internal)
        #expect(failure?.message.contains("get returned 77, which is not a result of the interface. as the name says") == true)
        #expect(await keystore.get("code-1").failure?.kind == .internal)
        #expect(await keystore.create("code-2", SecretBytes(text: "x")).failure?.kind == .internal)
        #expect(await keystore.list("code-2").failure?.kind == .internal)
    }

    @Test(
        "a value that was not given as the header says is an internal error",
        arguments: [
            ("never-", "get returned OK but gave no value"), ("twice-", "get gave more than one value"),
            ("large-", "get gave a value of 1048577 bytes, more than 1 MiB"), ("null-", "it gave 5 bytes at NULL"),
        ])
    func sinkMisuse(prefix: String, message: String) async throws {
        let keystore = try ScriptedKeystore()
        let failure = await keystore.get(prefix + "key").failure
        #expect(failure?.kind == .internal)
        #expect(failure?.message.hasSuffix(message) == true)
    }

    @Test(
        "a list that is not what was asked for is an internal error",
        arguments: ["unsorted", "repeated", "foreign", "invalid", "empty", "many"])
    func badLists(prefix: String) async throws {
        let keystore = try ScriptedKeystore()
        let failure = await keystore.list(prefix).failure
        #expect(failure?.kind == .internal)
        #expect(failure?.message.hasPrefix("the plugin breaks its contract: list gave") == true)
    }

    @Test("a list that begins before where it should is an internal error")
    func listBeforeAfter() async throws {
        let keystore = try ScriptedKeystore()
        #expect(try await keystore.list("before").get() == ["before-a"])
        #expect(await keystore.list("before", after: "before-a").failure?.kind == .internal)
        #expect(await keystore.list("before", after: "before-b").failure?.kind == .internal)
    }

    @Test("a message keeps at most 4096 bytes, and nothing that could forge a line of the log")
    func noise() async throws {
        let keystore = try ScriptedKeystore()
        let message = try #require(await keystore.get("noise-key").failure?.message)
        #expect(message.hasPrefix("a\\u{a}b\\u{1b}[31m\u{fffd}\\u{202e}xxx"))
        #expect(message.filter { $0 == "x" }.count == 4096 - 12)
    }

    @Test("a name, value or limit that the interface does not allow never reaches the plugin")
    func invalidArguments() async throws {
        let keystore = try ScriptedKeystore()
        for name in ["", ".", ".hidden", "a/b", "é", "a b", String(repeating: "a", count: 129)] {
            #expect(await keystore.get(name).failure?.kind == .invalid)
            #expect(await keystore.create(name, SecretBytes(text: "x")).failure?.kind == .invalid)
            #expect(await keystore.delete(name).failure?.kind == .invalid)
        }
        #expect(await keystore.create("key", SecretBytes(count: 1_048_577) { _ in }).failure?.kind == .invalid)
        #expect(await keystore.list("a/b").failure?.kind == .invalid)
        #expect(await keystore.list("a", after: "../x").failure?.kind == .invalid)
        #expect(await keystore.list("a", limit: 0).failure?.kind == .invalid)
        for operation in [ScriptedKeystore.Operation.get, .create, .remove, .list] { #expect(keystore.calls(operation) == 0) }
    }

    @Test("the longest name passes")
    func longestName() async throws {
        let keystore = try ScriptedKeystore()
        let name = String(repeating: "a", count: 127) + "."
        #expect(await keystore.create(name, SecretBytes(text: "x")).isSuccess)
        #expect(try await keystore.list("aaa").get() == [name])
    }
}
