import Glibc
import PluginAPI

/// A plugin's library in a worker process: loaded, and its table looked at.
final class Library: Sendable {
    /// The functions of the table, none of which is missing.
    struct Functions: Sendable {
        typealias Open =
            @convention(c) (
                keswick_bytes, UnsafePointer<keswick_host>?, UnsafePointer<keswick_call>?, UnsafeMutablePointer<OpaquePointer?>?
            ) -> keswick_result
        typealias Create =
            @convention(c) (OpaquePointer?, UnsafePointer<keswick_call>?, keswick_bytes, keswick_bytes) -> keswick_result
        typealias Get =
            @convention(c) (OpaquePointer?, UnsafePointer<keswick_call>?, keswick_bytes, keswick_sink) -> keswick_result
        typealias Remove = @convention(c) (OpaquePointer?, UnsafePointer<keswick_call>?, keswick_bytes) -> keswick_result
        typealias List =
            @convention(c) (
                OpaquePointer?, UnsafePointer<keswick_call>?, keswick_bytes, keswick_bytes, Int, keswick_sink
            ) -> keswick_result
        typealias Status = @convention(c) (OpaquePointer?, UnsafePointer<keswick_call>?) -> keswick_result

        let open: Open
        let close: @convention(c) (OpaquePointer?) -> Void
        let create: Create
        let get: Get
        let remove: Remove
        let list: List
        /// The one function that a plugin may lack.
        let status: Status?
    }

    /// Why a library is no plugin: the rule that it breaks, and how.
    struct Problem: Error {
        var rule: Rule
        var text: String
    }

    let functions: Functions
    let name: String
    let version: String
    let isSerial: Bool
    let isDurable: Bool

    /// The size of the first release's table: up to and with `list`.
    static let leastSize = MemoryLayout<keswick_keystore>.offset(of: \.status) ?? MemoryLayout<keswick_keystore>.size

    init(path: String, progress: Progress) throws(Problem) {
        progress.enter(.dlopen)
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw Problem(rule: .library, text: dlerror().map { String(cString: $0) } ?? "dlopen failed")
        }
        guard let symbol = dlsym(handle, KESWICK_ENTRY_SYMBOL) else {
            throw Problem(
                rule: .library, text: "it does not export \(KESWICK_ENTRY_SYMBOL)(). In C: KESWICK_EXPORT before its definition")
        }
        progress.enter(.entryPoint)
        typealias EntryPoint = @convention(c) () -> UnsafePointer<keswick_keystore>?
        // The header gives this type to the symbol of this name.
        let entryPoint = unsafeBitCast(symbol, to: EntryPoint.self)
        guard let table = entryPoint() else { throw Problem(rule: .table, text: "\(KESWICK_ENTRY_SYMBOL)() returned NULL") }
        let copy = try Self.copy(table)
        guard let name = Self.text(copy.name), Self.isValidName(name) else {
            throw Problem(rule: .table, text: "`name` is not 1 to 64 bytes of a-z 0-9 - _")
        }
        guard let version = Self.text(copy.version), !version.isEmpty else {
            throw Problem(rule: .table, text: "`version` is missing, empty, not UTF-8, or longer than 255 bytes")
        }
        // KESWICK_SERIAL and KESWICK_DURABLE, whose macros with a cast Swift does not import.
        let (serial, durable) = (UInt64(1) << 0, UInt64(1) << 1)
        let known = serial | durable
        guard copy.flags & ~known == 0 else {
            throw Problem(rule: .table, text: "`flags` has bits that mean nothing: 0x\(String(copy.flags & ~known, radix: 16))")
        }
        self.name = name
        self.version = version
        isSerial = copy.flags & serial != 0
        isDurable = copy.flags & durable != 0
        functions = try Self.functions(copy)
        guard entryPoint() == table else {
            throw Problem(rule: .table, text: "\(KESWICK_ENTRY_SYMBOL)() gave another table when it was called again")
        }
    }

    /// Copies what is there of the table; the rest stays NULL.
    private static func copy(_ table: UnsafePointer<keswick_keystore>) throws(Problem) -> keswick_keystore {
        let raw = UnsafeRawPointer(table)
        // The first two fields are there in every version.
        let (version, size) = (raw.load(as: UInt32.self), raw.load(fromByteOffset: 4, as: UInt32.self))
        guard version == KESWICK_ABI_VERSION else {
            throw Problem(rule: .table, text: "`abi_version` is \(version); this is the check for version \(KESWICK_ABI_VERSION)")
        }
        guard size >= leastSize else {
            throw Problem(
                rule: .table,
                text: "`size` is \(size), less than the \(leastSize) of the first release: set it to sizeof(keswick_keystore)")
        }
        var copy = keswick_keystore()
        withUnsafeMutableBytes(of: &copy) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: min(target.count, Int(size))))
        }
        return copy
    }

    private static func functions(_ table: keswick_keystore) throws(Problem) -> Functions {
        guard let open = table.open, let close = table.close, let create = table.create, let get = table.get,
            let remove = table.remove, let list = table.list
        else {
            throw Problem(rule: .table, text: "one of open, close, create, get, remove and list is NULL")
        }
        return Functions(
            open: open, close: close, create: create, get: get, remove: remove, list: list, status: table.status)
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        guard let pointer, strnlen(pointer, 256) < 256 else { return nil }
        return String(validatingCString: pointer)
    }

    private static func isValidName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f }
    }
}
