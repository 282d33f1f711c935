import Host
import NIOCore
import Testing

/// What was received and sent is overwritten where it lies.
@Suite struct WipedBufferTests {
    private let text = "a plaintext that nobody else may read"

    @Test("Bytes are overwritten in place, although another buffer shares them")
    func shared() {
        let buffer = ByteBuffer(string: "head:\(text):tail")
        var slice = buffer
        slice.moveReaderIndex(forwardBy: 5)
        slice.moveWriterIndex(to: slice.writerIndex - 5)
        slice.wipe()
        #expect(
            buffer.getString(at: 0, length: buffer.writerIndex) == "head:\(String(repeating: "\0", count: text.utf8.count)):tail")
        ByteBuffer().wipe()
    }

    @Test("A buffer that grows leaves nothing behind")
    func growing() {
        var buffer = ByteBuffer(string: text)
        let before = buffer
        buffer.growWiping(by: 1 << 16)
        #expect(String(buffer: buffer) == text && buffer.writableBytes >= 1 << 16)
        #expect(before.readableBytesView.allSatisfy { $0 == 0 })
    }
}
