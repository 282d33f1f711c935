import Host
import PluginAPI
import SecureBytes
import Testing

@Suite("A call across the bridge", .timeLimit(.minutes(1)))
struct BridgeCallTests {
    @Test("get gives the exact bytes that create stored")
    func roundTrip() async throws {
        let keystore = try ScriptedKeystore()
        let values = [0, 1, 1_048_575, 1_048_576].map { count in
            SecretBytes(count: count) { bytes in
                for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
            }
        }
        for (index, value) in values.enumerated() {
            #expect(await keystore.create("key-\(index)", value).isSuccess)
            #expect(try await keystore.get("key-\(index)").get() == value)
        }
    }
}
