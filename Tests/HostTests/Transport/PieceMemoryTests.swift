import Host
import NIOCore
import Testing

/// Pieces of long answers have the same memory, one after another.
@Suite struct PieceMemoryTests {
    private let pieces = PieceMemory()

    private func address(of buffer: ByteBuffer) -> UnsafeRawPointer? {
        buffer.withVeryUnsafeBytes { $0.baseAddress }
    }

    @Test("What is there is kept, moved, and wiped where it was")
    func growing() {
        let text = "a piece of a list"
        var buffer = ByteBuffer(string: text)
        let before = buffer
        pieces.grow(&buffer, by: 16 * 1024)
        #expect(String(buffer: buffer) == text && buffer.capacity == PieceMemory.capacity)
        #expect(before.readableBytesView.allSatisfy { $0 == 0 })
    }

    @Test("Memory that was given back serves the next piece, and no two at once")
    func givenBack() {
        var first = ByteBuffer()
        pieces.grow(&first, by: 1)
        let place = address(of: first)
        pieces.give(first)
        first = ByteBuffer()
        var second = ByteBuffer(string: "head")
        pieces.grow(&second, by: 1000)
        #expect(address(of: second) == place && String(buffer: second) == "head")
        var third = ByteBuffer()
        pieces.grow(&third, by: 1000)
        #expect(address(of: third) != place)
    }

    @Test("There is room for more than a piece, and such memory is not kept", arguments: [0, 100])
    func longer(already: Int) {
        var buffer = ByteBuffer(repeating: 7, count: already)
        pieces.grow(&buffer, by: 3 * PieceMemory.capacity)
        #expect(buffer.writableBytes >= 3 * PieceMemory.capacity && buffer.readableBytes == already)
        let place = address(of: buffer)
        pieces.give(buffer)
        var next = ByteBuffer()
        pieces.grow(&next, by: 1)
        #expect(next.capacity == PieceMemory.capacity && address(of: next) != place)
    }

    @Test("A buffer with room stays where it is")
    func roomy() {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(100)
        let place = address(of: buffer)
        pieces.grow(&buffer, by: 100)
        #expect(address(of: buffer) == place && buffer.capacity < PieceMemory.capacity)
    }
}
