import Host
import PluginAPI
import SecureBytes
import Testing

@Suite("What a plugin hands to the server", .timeLimit(.minutes(1)))
struct SinkTests {
    private static let vast = "it gave 18446744073709551615 bytes, more than there can be"

    @Test("a value of a size that is no size is an internal error")
    func vastValue() async throws {
        let keystore = try ScriptedKeystore()
        let expected = KeystoreFailure(.internal, "the plugin breaks its contract: \(Self.vast)")
        #expect(await keystore.get("vast-key").failure == expected)
    }

    @Test("a message of a size that is no size leaves the result as it is, and says what is wrong")
    func vastMessage() async throws {
        let keystore = try ScriptedKeystore()
        let expected = KeystoreFailure(.denied, "the plugin breaks its contract with the message: \(Self.vast)")
        #expect(await keystore.get("vastly-denied-key").failure == expected)
    }

    @Test("a line for the log of a size that is no size is an error in the log")
    func vastLine() throws {
        let keystore = try ScriptedKeystore()
        keystore.play("test_log_vast")
        #expect(
            keystore.log.messages(.error)
                == ["keystore 'scripted': the plugin breaks its contract with a line for the log: \(Self.vast)"])
    }

    @Test("a value that comes on another thread is not taken")
    func otherThread() async throws {
        let keystore = try ScriptedKeystore()
        let failure = await keystore.get("aside-key").failure
        #expect(failure?.kind == .internal)
        #expect(failure?.message.hasSuffix("it called a sink on another thread than the one that got it") == true)
    }

    private static let late =
        "keystore 'scripted': the plugin breaks its contract: it called a sink after the call that it was for; nothing of it is used"

    @Test("a value that comes when its call has returned is given to no other call")
    func staleValue() async throws {
        // One thread, and so the next call is where the last one was.
        let keystore = try ScriptedKeystore(limits: .init(threads: 1))
        for _ in 0..<100 {
            #expect(await keystore.get("kept-key").failure == KeystoreFailure(.timeout, "gave up"))
            #expect(
                await keystore.get("stale-key").failure == KeystoreFailure(.internal, "get returned OK but gave no value"))
        }
        #expect(keystore.log.messages(.error) == Array(repeating: Self.late, count: 100))
    }

    @Test("a sink that is called when nothing runs any more does no harm, and the log says it")
    func lateValue() async throws {
        let keystore = try ScriptedKeystore()
        _ = await keystore.get("kept-key")
        keystore.play("test_write_kept")
        #expect(keystore.log.messages(.error) == [Self.late])
        #expect(await keystore.create("key", SecretBytes(text: "x")).isSuccess)
    }

    @Test("what a plugin logs, or writes to a sink, after close had returned is dropped")
    func afterClose() async throws {
        let keystore = try ScriptedKeystore()
        _ = await keystore.get("kept-key")
        #expect(await onThread { keystore.bridge.close(within: .seconds(60)) } == .closed)
        let before = keystore.log.messages(.info)
        keystore.play("test_log")
        keystore.play("test_write_kept")
        #expect(keystore.log.messages(.info) == before)
        #expect(keystore.log.messages(.error) == [])
    }
}
