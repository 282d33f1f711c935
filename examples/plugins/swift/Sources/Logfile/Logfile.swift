import Glibc
import PluginKit

/// The library's entry point: the one line that makes a type a plugin. Swift 6.2 has another name for its attribute.
#if compiler(>=6.3)
@c(keswick_keystore_plugin)
#else
@_cdecl("keswick_keystore_plugin")
#endif
public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(Logfile.self) }

/// A keystore in one file, for Keswick. Written to be read, and to be changed into yours.
///
/// The configuration is `{"path": "FILE"}`. The file is a row of records, each one key: new ones are appended and synced before
/// `create` returns. What is stored where is kept in memory, in order of names. One process may have the file open at a time.
///
///     file:    "KEYLOG1\n" | records
///     record:  state 'K' (a key) or 'X' (removed) | length of the name, 1 byte | length of the value, 4 bytes
///              | check sum of the lengths, 4 bytes | check sum of the rest, 4 bytes | the name | the value
///
/// What is not such a file, or is damaged, is refused and left as it is. Only what a crash leaves of the last record is cut off.
///
/// What it leaves out on purpose: the file never shrinks, and the index of all names has to fit into memory. PluginKit has checked
/// names, sizes and deadlines before any of these functions is called.
final class Logfile: Keystore {
    // What the server's configuration calls it: keystore: { logfile: { path: … } }.
    static let name: StaticString = "logfile"
    static let version: StaticString = "0.1.0"
    static let capabilities: Capabilities = .durable
    static let configurationMembers = ["path"]

    private struct State {
        /// Where the next record goes.
        var end = 0
        /// A write failed and could not be undone: nothing may be written behind it.
        var isBroken = false
        /// Where the value of each key begins, and how long it is.
        var entries: [KeyName: (offset: Int, size: Int)] = [:]
        /// The keys of `entries`, in bytewise order.
        var names: [KeyName] = []
    }

    private static let magic = Array("KEYLOG1\n".utf8)
    private static let headerSize = 14
    private static let damage = KeystoreError(.corrupt, "the file is damaged: put back a copy of it")
    private static let broken = KeystoreError(.unreachable, "an earlier write failed: look at the disk, then restart")

    private let file: Int32
    /// Calls come from several threads at once: all of them take this.
    private let state = Lock(State())

    init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {
        let path = try configuration.string("path")
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .invalid("`path` must be the path of a file") }
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure("cannot open the file") }
        self.file = file
        do throws(KeystoreError) {
            guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw .unreachable("another process has the file open") }
            try Self.syncDirectory(of: path)
            try load()
        } catch {
            Glibc.close(file)
            throw error
        }
        log.info("opened")
    }

    // Not `deinit`, which also runs when `init` throws.
    func close() { Glibc.close(file) }

    func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) {
        try state.withLock { state throws(KeystoreError) in
            guard state.entries[name] == nil else { throw .exists }
            guard !state.isBroken else { throw Self.broken }
            let key = Array(name.text.utf8)
            let rest = value.withUnsafeBytes { Self.checksum(Self.checksum(0, key), $0) }
            let lengths = [UInt8(key.count)] + Self.bytes(UInt32(value.byteCount))
            let front = [UInt8(ascii: "K")] + lengths + Self.bytes(Self.checksum(0, lengths)) + Self.bytes(rest) + key
            // The value goes from where the host has it, so that there is no copy to wipe.
            let isWritten =
                front.withUnsafeBytes { write($0, at: state.end) }
                && value.withUnsafeBytes { write($0, at: state.end + front.count) } && fdatasync(file) == 0
            guard isWritten else {
                let failure = Self.failure("cannot write to the file")
                // What is half there must not be found later.
                state.isBroken = ftruncate(file, off_t(state.end)) != 0 || fdatasync(file) != 0
                throw failure
            }
            state.entries[name] = (offset: state.end, size: value.byteCount)
            state.names.insert(name, at: Self.place(of: name.text, in: state.names))
            state.end += front.count + value.byteCount
        }
    }

    func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue {
        try state.withLock { state throws(KeystoreError) in
            guard let entry = state.entries[name] else { throw .notFound }
            let place = entry.offset + Self.headerSize + name.text.utf8.count
            // A SecretValue wipes its bytes when the last reference goes.
            return try SecretValue(capacity: entry.size) { (bytes) throws(KeystoreError) in
                guard pread(file, bytes.baseAddress, bytes.count, off_t(place)) == bytes.count else {
                    throw Self.failure("cannot read the file")
                }
                return bytes.count
            }
        }
    }

    func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) {
        try state.withLock { state throws(KeystoreError) in
            guard let entry = state.entries[name] else { throw .notFound }
            guard !state.isBroken else { throw Self.broken }
            // One byte decides, so there is no half of it.
            guard pwrite(file, "X", 1, off_t(entry.offset)) == 1, fdatasync(file) == 0 else {
                let failure = Self.failure("cannot write to the file")
                // Not removed: it must be found after the next start, too.
                state.isBroken = pwrite(file, "K", 1, off_t(entry.offset)) != 1 || fdatasync(file) != 0
                throw failure
            }
            state.entries[name] = nil
            state.names.remove(at: Self.place(of: name.text, in: state.names))
            // The name is gone. Now the value, as far as the disk does what it is told: if it does not, the name is gone all the same.
            let zeros = [UInt8](repeating: 0, count: entry.size)
            let place = entry.offset + Self.headerSize + name.text.utf8.count
            if zeros.withUnsafeBytes({ write($0, at: place) }) { fdatasync(file) }
        }
    }

    func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] {
        try state.withLock { state throws(KeystoreError) in
            var start = Self.place(of: max(prefix, after), in: state.names)
            if start < state.names.count, state.names[start].text == after, !after.isEmpty { start += 1 }
            return Array(state.names[start...].prefix(limit).prefix { $0.text.hasPrefix(prefix) })
        }
    }

    func status(deadline: Deadline) throws(KeystoreError) {
        try state.withLock { state throws(KeystoreError) in
            if state.isBroken { throw Self.broken }
        }
    }

    // MARK: The file

    /// Reads the file into the index.
    private func load() throws(KeystoreError) {
        let size = Int(lseek(file, 0, SEEK_END))
        guard size >= 0 else { throw Self.failure("cannot read the file") }
        try state.withLock { state throws(KeystoreError) in
            let isOurs = try withBytes(min(size, Self.magic.count), at: 0) { Self.magic.starts(with: $0) }
            guard isOurs else { throw .corrupt("the file is not one of this keystore: name another one") }
            // A new file, or what a crash left of one.
            guard size >= Self.magic.count || (Self.magic.withUnsafeBytes { write($0, at: 0) } && fdatasync(file) == 0) else {
                throw Self.failure("cannot write to the file")
            }
            state.end = Self.magic.count
            while state.end < size, let record = try record(at: state.end, left: size - state.end) {
                if let name = record.name {
                    state.entries[name] = (offset: state.end, size: record.valueSize)
                    state.names.append(name)
                }
                state.end += record.size
            }
            state.names.sort()
            guard size <= state.end || ftruncate(file, off_t(state.end)) == 0 else {
                throw Self.failure("cannot cut off a half record")
            }
        }
    }

    /// The record at an offset; its name is nil when it was removed. Nil for what a crash leaves of one.
    private func record(at offset: Int, left: Int) throws(KeystoreError) -> (name: KeyName?, valueSize: Int, size: Int)? {
        let header = try withBytes(min(left, Self.headerSize), at: offset) { Array($0) }
        if header[0] == 0, try withBytes(left, at: offset, { $0.allSatisfy { $0 == 0 } }) { return nil }
        let isKey = header[0] == UInt8(ascii: "K")
        guard isKey || (header[0] == UInt8(ascii: "X") && left >= Self.headerSize) else { throw Self.damage }
        guard left >= Self.headerSize else { return nil }
        let (nameSize, valueSize) = (Int(header[1]), Int(Self.number(header[2...])))
        guard Self.checksum(0, header[1..<6]) == Self.number(header[6...]), nameSize <= Int(KESWICK_NAME_MAX),
            valueSize <= Int(KESWICK_VALUE_MAX)
        else { throw Self.damage }
        let bodySize = nameSize + valueSize
        if bodySize > left - Self.headerSize {
            guard isKey else { throw Self.damage }
            return nil
        }
        guard isKey else { return (nil, valueSize, Self.headerSize + bodySize) }
        let name = try withBytes(bodySize, at: offset + Self.headerSize) { body in
            Self.checksum(0, body) == Self.number(header[10...])
                ? KeyName(bytes: UnsafeRawBufferPointer(rebasing: body[..<nameSize])) : nil
        }
        guard let name else { throw Self.damage }
        return (name, valueSize, Self.headerSize + bodySize)
    }

    /// Lends a part of the file to `body`, and wipes it.
    private func withBytes<R>(_ count: Int, at offset: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(KeystoreError) -> R {
        let bytes = try SecretValue(capacity: count) { (bytes) throws(KeystoreError) in
            guard pread(file, bytes.baseAddress, count, off_t(offset)) == count else {
                throw Self.failure("cannot read the file")
            }
            return count
        }
        return bytes.withUnsafeBytes(body)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        pwrite(file, bytes.baseAddress, bytes.count, off_t(offset)) == bytes.count
    }

    /// The file itself may be new: it must not vanish with a crash of the machine.
    private static func syncDirectory(of path: String) throws(KeystoreError) {
        let slash = path.lastIndex(of: "/")
        let name = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = Glibc.open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if directory >= 0 { Glibc.close(directory) } }
        guard directory >= 0, fsync(directory) == 0 else { throw failure("cannot sync the directory") }
    }

    // MARK: Helpers

    /// FNV-1a. It finds damage; it is no protection against somebody who writes to the file.
    private static func checksum(_ sum: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(sum) { ($0 ^ UInt32($1)) &* 16_777_619 }
    }

    private static func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

    /// The number that begins `bytes`.
    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// The index of the first name that is not less than `text`.
    private static func place(of text: String, in names: [KeyName]) -> Int {
        var (low, high) = (0, names.count)
        while low < high {
            let middle = low + (high - low) / 2
            if names[middle].text < text { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func failure(_ what: String) -> KeystoreError {
        .unreachable("\(what): \(String(cString: strerror(errno)))")
    }
}
