import Foundation
import SecureBytes
import Testing

@Suite struct RandomBytesTests {
    @Test func everyCountIsFilledAndNoTwoAreEqual() throws {
        // More than one page of the reserve, and more than one request to the generator.
        for count in [16, 28, 32, 255, 256, 257, 4096, 200_000] {
            let repetitions = count <= 256 ? 200 : 3
            let values = try (0..<repetitions).map { _ in try SecretBytes.random(count: count).array }
            #expect(Set(values).count == repetitions)
            #expect(values.allSatisfy { $0.count == count })
            // Sixteen zeros in a row at either end would be bytes that nobody wrote.
            let zeros = [UInt8](repeating: 0, count: 16)
            #expect(!values.contains { Array($0.prefix(16)) == zeros || Array($0.suffix(16)) == zeros })
        }
    }

    @Test func zeroBytesAreFine() throws {
        #expect(try SecretBytes.random(count: 0).count == 0)
    }

    @Test func theThreadsOfAProcessGetDifferentBytes() async throws {
        let values = try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
            for _ in 0..<8 {
                group.addTask { try (0..<500).map { _ in try SecretBytes.random(count: 16).array } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(values).count == 4000)
    }

    @Test func aForkedChildFindsAnEmptyReserve() throws {
        // Swift hides `fork` because a child may run next to nothing. This one looks at one word and leaves.
        typealias Fork = @convention(c) () -> pid_t
        let symbol = try #require(dlsym(nil, "fork"))
        // The type is the one of fork(2).
        let fork = unsafeBitCast(symbol, to: Fork.self)
        _ = try SecretBytes.random(count: 16)
        let reserve = try #require(RandomReserve.ofThisThread())
        #expect(!reserve.isEmpty)
        let child = fork()
        if child == 0 { _exit(reserve.isEmpty ? 7 : 8) }
        try #require(child > 0)
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status == 7 << 8)
        #expect(!reserve.isEmpty)
    }
}
