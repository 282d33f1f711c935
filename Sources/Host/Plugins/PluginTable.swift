import Glibc
import PluginAPI

/// A plugin's table of functions, copied and checked.
enum PluginTable {
    /// The least size of a table of version 1: up to and with `list`. What follows is optional, and NULL in the copy when it is not there.
    static let leastSize = UInt32(
        // A stored field of an imported C structure always has an offset; the alternative is never taken.
        MemoryLayout<keswick_keystore>.offset(of: \.status) ?? MemoryLayout<keswick_keystore>.size)

    // The flags of keswick_keystore.h, whose macros with a cast Swift does not import.
    /// `KESWICK_SERIAL`
    static let serialFlag = UInt64(1) << 0
    /// `KESWICK_DURABLE`
    static let durableFlag = UInt64(1) << 1
    /// The capability flags that this server knows.
    private static let knownFlags = serialFlag | durableFlag

    /// The longest name and version that are read from a table whose strings may not be terminated.
    private static let textLimit = 256

    /// Copies as much of the table as both sides know. Fields that an older plugin lacks stay NULL.
    static func copy(_ table: UnsafePointer<keswick_keystore>, path: String) throws(PluginError) -> keswick_keystore {
        let raw = UnsafeRawPointer(table)
        // The header freezes the first two fields for all versions: they are there whatever else is.
        let version = raw.load(as: UInt32.self)
        guard version == KESWICK_ABI_VERSION else { throw .unsupportedABI(path: path, version: version) }
        let size = raw.load(fromByteOffset: 4, as: UInt32.self)
        guard size >= leastSize else { throw .shortTable(path: path, size: size) }
        var copy = keswick_keystore()
        withUnsafeMutableBytes(of: &copy) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: min(target.count, Int(size))))
        }
        try check(copy, path: path)
        return copy
    }

    private static func check(_ table: keswick_keystore, path: String) throws(PluginError) {
        let functions: [(String, Bool)] = [
            ("open", table.open != nil), ("close", table.close != nil), ("create", table.create != nil),
            ("get", table.get != nil), ("remove", table.remove != nil), ("list", table.list != nil),
        ]
        if let missing = functions.first(where: { !$0.1 }) { throw .missingFunction(path: path, function: missing.0) }
        let unknown = table.flags & ~knownFlags
        guard unknown == 0 else { throw .unknownFlags(path: path, flags: unknown) }
    }

    /// Reads a zero-terminated string of the table.
    static func text(_ pointer: UnsafePointer<CChar>?, field: String, path: String) throws(PluginError) -> String {
        guard let pointer else { throw .malformedTable(path: path, problem: "its table has no '\(field)'") }
        let count = strnlen(pointer, textLimit)
        guard count < textLimit else {
            throw .malformedTable(path: path, problem: "the '\(field)' in its table is longer than \(textLimit - 1) bytes")
        }
        return OperatorText.decode(UnsafeRawBufferPointer(start: pointer, count: count))
    }
}
