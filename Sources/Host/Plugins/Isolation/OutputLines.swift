/// Makes lines for the error log of what a plugin's process writes. Nobody knows what that is and how much: lines have a greatest
/// length, and a second has a greatest number of them.
package struct OutputLines {
    package init() {}

    /// What is longer is cut.
    static let lengthLimit = 1024
    package static let linesInASecond = 100

    private var line: [UInt8] = []
    private var isCut = false
    private var second: UInt64 = 0
    private var linesThisSecond = 0
    private var leftOut = 0

    /// Takes bytes as they come, and gives each line that is complete with them.
    package mutating func take(_ bytes: UnsafeRawBufferPointer, at now: MonotonicTime, _ give: (String) -> Void) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            endLine(now, give)
            rest = rest[(end + 1)...]
        }
        append(rest)
    }

    /// Gives what is left, at the end.
    package mutating func finish(at now: MonotonicTime, _ give: (String) -> Void) {
        endLine(now, give)
        tellLeftOut(give)
    }

    private mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = Self.lengthLimit - line.count
        if bytes.count > room { isCut = true }
        line += bytes.prefix(room)
    }

    private mutating func endLine(_ now: MonotonicTime, _ give: (String) -> Void) {
        defer {
            line.removeAll(keepingCapacity: true)
            isCut = false
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard !line.isEmpty else { return }
        let thisSecond = now.nanoseconds / 1_000_000_000
        if thisSecond != second {
            tellLeftOut(give)
            second = thisSecond
            linesThisSecond = 0
        }
        guard linesThisSecond < Self.linesInASecond else {
            leftOut += 1
            return
        }
        linesThisSecond += 1
        give(line.withUnsafeBytes(OperatorText.decode) + (isCut ? " …" : ""))
    }

    private mutating func tellLeftOut(_ give: (String) -> Void) {
        if leftOut > 0 { give("(and \(leftOut) more line\(leftOut == 1 ? "" : "s") within a second)") }
        leftOut = 0
    }
}
