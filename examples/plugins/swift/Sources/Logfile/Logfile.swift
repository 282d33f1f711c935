import Glibc
import PluginKit

/// The library's entry point: the one line that makes a type a plugin.
@c(keswick_keystore_plugin)
public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(Logfile.self) }

/// A keystore in one file, for Keswick. Written to be read, and to be changed into yours.
///
/// The configuration is `{"path": "FILE"}`. The file is a row of records, each one key: new ones are appended and synced before
/// `create` returns. What is stored where is kept in memory, in order of names. One process may have the file open at a time.
///
///     record:  state 'K' (a key) or 'X' (removed) | length of the name, 1 byte | length of the value, 4 bytes | check sum, 4 bytes
///              | the name | the value
///
/// What it leaves out on purpose: the file never shrinks, and the index of all names has to fit into memory. PluginKit has checked
/// names, sizes and deadlines before any of these functions is called.
final class Logfile: Keystore {
    // What the server's configuration calls it: keystore: { logfile: { path: … } }.
    static let name: StaticString = "logfile"
    static let version: StaticString = "0.1.0"
    static let capabilities: Capabilities = .durable
    static let configurationMembers = ["path"]

    private struct Entry {
        var offset: Int
        var size: Int
    }

    private struct State {
        /// Where the next record goes.
        var end = 0
        /// A write failed and could not be undone: nothing may be written behind it.
        var isBroken = false
        var entries: [KeyName: Entry] = [:]
        /// The keys of `entries`, in bytewise order.
        var names: [KeyName] = []
    }

    private static let headerSize = 10

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
            guard !state.isBroken else { throw .unreachable("an earlier write failed: look at the disk, then restart") }
            let key = Array(name.text.utf8)
            let sum = value.withUnsafeBytes { Self.checksum(Self.checksum(0, key), $0) }
            var header: [UInt8] = [UInt8(ascii: "K"), UInt8(key.count)]
            for number in [UInt32(value.byteCount), sum] { withUnsafeBytes(of: number.littleEndian) { header += $0 } }
            let front = header + key
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
            state.entries[name] = Entry(offset: state.end, size: value.byteCount)
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
            // One byte decides, so there is no half of it.
            guard pwrite(file, "X", 1, off_t(entry.offset)) == 1, fdatasync(file) == 0 else {
                throw Self.failure("cannot write to the file")
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
            if state.isBroken { throw .unreachable("an earlier write failed: look at the disk, then restart") }
        }
    }

    // MARK: The file

    /// Reads the file into the index. A record that a crash left unfinished is the last one, and is cut off.
    private func load() throws(KeystoreError) {
        let size = Int(lseek(file, 0, SEEK_END))
        guard size >= 0 else { throw Self.failure("cannot read the file") }
        try state.withLock { state throws(KeystoreError) in
            while size - state.end >= Self.headerSize, let record = try record(at: state.end, fileSize: size) {
                if let name = record.name {
                    state.entries[name] = Entry(offset: state.end, size: record.valueSize)
                    state.names.append(name)
                }
                state.end += record.size
            }
            state.names.sort()
            // A crash leaves less than one record. More than that is damage: it is not touched.
            if size - state.end > Self.headerSize + Int(KESWICK_NAME_MAX + KESWICK_VALUE_MAX) {
                throw .init(.corrupt, "the file is damaged: put back a copy of it")
            }
            guard size == state.end || ftruncate(file, off_t(state.end)) == 0 else {
                throw Self.failure("cannot cut off a half record")
            }
        }
    }

    /// The record at an offset; its name is nil when it was removed. Nil when it is not whole.
    private func record(at offset: Int, fileSize: Int) throws(KeystoreError) -> (name: KeyName?, valueSize: Int, size: Int)? {
        var header = [UInt8](repeating: 0, count: Self.headerSize)
        guard pread(file, &header, header.count, off_t(offset)) == header.count else {
            throw Self.failure("cannot read the file")
        }
        let (valueSize, sum) = header.withUnsafeBytes { bytes in
            (
                Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self))),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt32.self))
            )
        }
        let (nameSize, bodySize) = (Int(header[1]), Int(header[1]) + valueSize)
        guard bodySize <= fileSize - offset - Self.headerSize, valueSize <= Int(KESWICK_VALUE_MAX) else { return nil }
        if header[0] == UInt8(ascii: "X") { return (nil, valueSize, Self.headerSize + bodySize) }
        guard header[0] == UInt8(ascii: "K") else { return nil }
        var name: KeyName?
        _ = try SecretValue(capacity: bodySize) { (bytes) throws(KeystoreError) in
            guard pread(file, bytes.baseAddress, bodySize, off_t(offset + Self.headerSize)) == bodySize else {
                throw Self.failure("cannot read the file")
            }
            let body = UnsafeRawBufferPointer(bytes)
            if Self.checksum(0, body) == sum { name = KeyName(bytes: UnsafeRawBufferPointer(rebasing: body[..<nameSize])) }
            return bodySize
        }
        return name.map { ($0, valueSize, Self.headerSize + bodySize) }
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

    /// FNV-1a. It finds records that a crash cut short; it is no protection against somebody who writes to the file.
    private static func checksum(_ sum: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(sum) { ($0 ^ UInt32($1)) &* 16_777_619 }
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
