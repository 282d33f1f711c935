import Foundation
import PluginKit
import Testing

/// What keystores held is overwritten before its memory is given back.
@Suite struct WipingTests {
    /// Values pass through blocks that are SQLite's own. In a process in which nobody has used SQLite before.
    @Test("What SQLite frees, or moves to make it longer, is wiped")
    func sqlite() throws {
        let directory = try TemporaryDirectory()
        let run = try Driver.run(.sqlite, configuration: Backend.sqlite.configuration(in: directory), ["open", "freed", "close"])
        #expect(run.lines.suffix(3) == ["freed wiped", "moved wiped", "close 0"], "\(run.lines)")
    }

    @Test("A SecretValue is wiped before its memory is given back")
    func secretValue() throws {
        let memory = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/mem"))
        let pattern = Data((0..<64).map { UInt8($0 ^ 0xa5) })
        // In the middle of a block too small to be unmapped, where the allocator keeps no notes of its own.
        var secret: SecretValue? = SecretValue(capacity: 4096) { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[2048..<2112]).copyBytes(from: pattern)
            return bytes.count
        }
        let address = try #require(secret).withUnsafeBytes { UInt64(UInt(bitPattern: $0.baseAddress)) + 2048 }
        // Through the kernel, because reading freed memory through a pointer means nothing in Swift.
        func read() throws -> Data? {
            try memory.seek(toOffset: address)
            return try memory.read(upToCount: pattern.count)
        }
        #expect(try read() == pattern)
        secret = nil
        #expect(try read() != pattern)
    }

    @Test("A SecretValue never prints what it holds")
    func silence() {
        let secret = SecretValue(copying: Array("correct horse battery staple".utf8).span.bytes)
        var dumped = ""
        dump(secret, to: &dumped)
        for output in ["\(secret)", String(reflecting: secret), dumped] {
            #expect(!output.contains("horse"))
            #expect(output.contains("28 bytes"))
        }
    }
}
