import KESClient
import NIOCore
import TestSupport
import Testing

/// Bodies in the gzip coding, as gzip makes them.
@Suite struct GzipReaderTests {
    @Test(arguments: [1, 2, 7, 1000])
    func aBodyIsReadHoweverItIsCut(size: Int) throws {
        let text = (0..<400).map { "line \($0) \(String(repeating: "x", count: $0))\n" }.joined()
        let reader = GzipReader()
        #expect(try read(compressed(text), with: reader, partsOf: size) == Array(text.utf8))
        #expect(reader.isComplete)
    }

    @Test func membersOneAfterAnotherAreOneBody() throws {
        let body = try compressed("one\n") + compressed("") + compressed("two\n")
        for size in [1, body.count] {
            let reader = GzipReader()
            #expect(try read(body, with: reader, partsOf: size) == Array("one\ntwo\n".utf8))
            #expect(reader.isComplete)
        }
    }

    @Test func aBodyThatIsCutOffIsNotComplete() throws {
        let body = try compressed("one\ntwo\n")
        for count in 0..<body.count {
            let reader = GzipReader()
            _ = try read(Array(body.prefix(count)), with: reader, partsOf: 64)
            #expect(!reader.isComplete, "\(count) bytes")
        }
    }

    /// The bytes that gzip's head leaves to the writer (RFC 1952, section 2.3.1: time, extra flags, system) may be anything.
    @Test func aDamagedBodyIsAnError() throws {
        let body = try compressed(String(repeating: "a line\n", count: 10))
        for index in body.indices where !(4..<10).contains(index) {
            var damaged = body
            damaged[index] ^= 0x55
            let reader = GzipReader()
            let text = try? read(damaged, with: reader, partsOf: 64)
            #expect(text == nil || !reader.isComplete, "byte \(index)")
        }
    }

    @Test func whatGrowsImmenselyComesInBoundedPieces() throws {
        let reader = GzipReader()
        reader.add(ByteBuffer(bytes: try compressed(String(repeating: "a", count: 50_000_000))))
        var count = 0
        while let piece = try reader.next() {
            #expect(piece.readableBytes <= 128 * 1024)
            count += piece.readableBytes
        }
        #expect(count == 50_000_000)
        #expect(reader.isComplete)
    }

    private func read(_ body: [UInt8], with reader: GzipReader, partsOf size: Int) throws -> [UInt8] {
        var text: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: size) {
            reader.add(ByteBuffer(bytes: body[start..<min(start + size, body.count)]))
            while let piece = try reader.next() { text += piece.readableBytesView }
        }
        return text
    }

    private func compressed(_ text: String) throws -> [UInt8] {
        let result = try run("gzip", ["-n"], input: Array(text.utf8))
        try #require(result.code == 0)
        return result.output
    }
}
