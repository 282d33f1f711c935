import NIOCore

// Compiled as one module with both ends of a compressed log.

// nonisolated(unsafe): libFuzzer calls from one thread.
private nonisolated(unsafe) let compressor = LogCompressor()

private func read(_ body: some Collection<UInt8>, partsOf size: Int) -> (text: [UInt8], isComplete: Bool)? {
    let reader = GzipReader()
    var text: [UInt8] = []
    var rest = Array(body)[...]
    do {
        while !rest.isEmpty {
            reader.add(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
            while let piece = try reader.next() {
                text += piece.readableBytesView
                // What is small may stand for much: enough is seen.
                if text.count > 1 << 20 { return nil }
            }
        }
    } catch {
        return nil
    }
    return (text, reader.isComplete)
}

/// Whatever the pieces are, a client that begins with any of them reads from there to the end. And what is not gzip is read the same in
/// whatever parts it comes, or is an error in all.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGzip(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let bytes, count > 2 else { return 0 }
    let input = UnsafeBufferPointer(start: bytes, count: count)
    let (size, first) = (Int(input[0]) + 1, Int(input[1]) % 4)
    let rest = input.dropFirst(2)

    let pieces = rest.split(separator: 0).map { ByteBuffer(bytes: $0) }
    var (body, member, text) = (Array(GzipMember.head.readableBytesView), GzipMember(), [UInt8]())
    for (index, piece) in pieces.enumerated() where index >= first {
        // As the notice of events that were missed is written.
        let isStored = index % 3 == 2 && piece.readableBytes <= 65535
        let coded = isStored ? GzipPiece(stored: piece) : compressor.compress(piece)
        member.add(coded)
        body += coded.bytes.readableBytesView
        text += piece.readableBytesView
    }
    body += member.tail.readableBytesView
    guard let whole = read(body, partsOf: size) else { preconditionFailure("it is not gzip") }
    precondition(whole.isComplete && whole.text == text)

    let atOnce = read(rest, partsOf: rest.count)
    let inParts = read(rest, partsOf: size)
    precondition(atOnce?.text == inParts?.text && atOnce?.isComplete == inParts?.isComplete)
    return 0
}
