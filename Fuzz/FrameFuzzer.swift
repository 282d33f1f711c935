// Compiled as one module with the frames themselves, which nothing outside of the server's module sees.

/// Frames are read from any bytes without harm, whoever sent them, and what was read is written so that it is read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrame(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var rest = UnsafeRawBufferPointer(start: bytes, count: count)
    while let frame = read(&rest) {
        frame.encoded().withUnsafeBytes { encoded in
            var encoded = encoded
            guard let again = read(&encoded) else {
                // Bytes that are no text become longer ones.
                precondition(frame.text.utf8.count > Frame.sizeLimit)
                return
            }
            precondition(encoded.isEmpty)
            precondition(
                again.kind == frame.kind && again.code == frame.code && again.deadline == frame.deadline
                    && again.limit == frame.limit && again.sequence == frame.sequence && again.text == frame.text
                    && again.payload == frame.payload)
            precondition(again.answers(frame) == (frame.kind == .result))
        }
        let kind = KeystoreFailure.Kind(frameCode: frame.code)
        precondition(KeystoreFailure.Kind(frameCode: kind.frameCode) == kind)
        var text = frame.text
        let shown = text.withUTF8 { OperatorText.decode(UnsafeRawBufferPointer($0)) }
        precondition(!shown.unicodeScalars.contains { $0.value < 0x20 })
        print(lines: frame)
    }
    return 0
}

/// Takes a frame from the front of `bytes`.
private func read(_ bytes: inout UnsafeRawBufferPointer) -> Frame? {
    Frame { buffer in
        guard bytes.count >= buffer.count else { return false }
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<buffer.count]))
        bytes = UnsafeRawBufferPointer(rebasing: bytes[buffer.count...])
        return true
    }
}

/// What a process writes becomes short, harmless lines, and the same ones however it comes in pieces.
private func print(lines frame: Frame) {
    func lines(_ piece: Int) -> [String] {
        var lines = OutputLines()
        var given: [String] = []
        frame.payload.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: piece) {
                let end = min(start + piece, bytes.count)
                lines.take(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), at: MonotonicTime(nanoseconds: 1)) {
                    given.append($0)
                }
            }
        }
        lines.finish(at: MonotonicTime(nanoseconds: 1)) { given.append($0) }
        return given
    }
    let whole = lines(max(frame.payload.count, 1))
    precondition(whole == lines(Int(frame.limit % 7) + 1))
    precondition(whole.count <= OutputLines.linesInASecond + 1)
    // An escape takes up to ten characters for each one.
    precondition(whole.allSatisfy { !$0.isEmpty && $0.unicodeScalars.count <= 10 * OutputLines.lengthLimit + 2 })
    precondition(whole.allSatisfy { line in !line.unicodeScalars.contains { $0.value < 0x20 } })
}
