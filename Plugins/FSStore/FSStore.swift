import Glibc
import PluginKit

/// The library's entry point.
#if compiler(>=6.3)
@c(keswick_keystore_plugin)
#else
@_cdecl("keswick_keystore_plugin")
#endif
public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(FSStore.self) }

/// Keeps each value in a file of its own, named as the key: `{path: DIRECTORY}`. A directory that a KES server wrote works as
/// it is.
///
/// A regular file that is not empty and is named as a key is an entry. Anything else in the directory is not: it is neither
/// followed nor listed nor changed. An empty file under a key's name holds no key, and another server may be writing it just
/// now: it is left alone, and the operator is told.
///
/// Threads and processes: the file system's own atomic operations (link, unlink) decide who wins; there is no lock.
///
/// The directory stays open, so that it is the same one for as long as the keystore is. When its path leads to another one (it was
/// moved, or mounted over), nothing is changed in it any more: the server would not find that again after its next start.
final class FSStore: Keystore {
    static let name: StaticString = "fs"
    static let version: StaticString = "1.0.0"
    static let capabilities: Capabilities = .durable
    static let configurationMembers = ["path"]

    private let directory: Directory
    private let index: DirectoryIndex
    private let log: HostLog
    /// Empty files that a listing has told the operator about.
    private let reported = Lock<Set<KeyName>>([])

    init(configuration: Configuration, log: HostLog, deadline: Deadline) throws(KeystoreError) {
        let path = try configuration.string("path")
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .invalid("`path` must name a directory") }
        self.log = log
        directory = try Directory(path, log: log)
        index = DirectoryIndex(directory)
        try tidy(deadline)
    }

    /// Looks at all names once: removes what was left over, and tells of what could be taken for keys and is none.
    private func tidy(_ deadline: Deadline) throws(KeystoreError) {
        var leftovers: [String] = []
        var links: (count: Int, one: KeyName)?
        try directory.forEachEntry { name, kind throws(KeystoreError) in
            switch kind {
            case .file: if NewFile.isFirstName(name) { leftovers.append(String(decoding: name, as: UTF8.self)) }
            case .symbolicLink: if let name = KeyName(bytes: name) { links = ((links?.count ?? 0) + 1, links?.one ?? name) }
            }
        }
        if let links {
            log.warning(
                "symbolic links under the names of keys are no keys, and are neither followed nor listed: \(directory.path) holds "
                    + "\(links.count), `\(links.one)` is one. Put the files themselves there, or name the directory that they are in"
            )
        }
        try NewFile.removeLeftovers(leftovers, in: directory, log: log, deadline: deadline)
    }

    func create(_ name: KeyName, value: RawSpan, deadline: Deadline) throws(KeystoreError) {
        // It could not be told from what a server leaves that died while it created an entry.
        guard value.byteCount > 0 else { throw .invalid("the keystore `fs` cannot store an empty value") }
        if let taken = try directory.entry(name) { throw exists(name, taken) }
        // More than one turn only when another process took our new file for a left-over one before we had its lock.
        repeat {
            try deadline.check()
            switch try NewFile.publish(value, as: name, in: directory, log: log, deadline: deadline) {
            case .published: return
            case .exists: throw exists(name, try directory.entry(name))
            case .lost: continue
            }
        } while true
    }

    func get(_ name: KeyName, deadline: Deadline) throws(KeystoreError) -> SecretValue {
        let path = directory.path(of: name)
        let file: Descriptor
        do throws(SystemError) {
            // Not blocking, and not taking a terminal, whatever stands under the name.
            file = try directory.open(name.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        } catch {
            switch error.code {
            case ENOENT:
                try directory.checkPath()
                throw .notFound
            case ELOOP, ENXIO: throw foreign(name)
            default: throw error.keystoreError(path)
            }
        }
        let info = try attempt(path) { () throws(SystemError) in try file.info() }
        guard info.isRegularFile else { throw foreign(name) }
        guard info.st_size > 0 else { throw .corrupt(emptyFile(name)) }
        guard info.st_size <= Int(KESWICK_VALUE_MAX) else {
            throw .corrupt("the file \(path) is larger than any value: restore it from a backup")
        }
        let size = Int(info.st_size)
        let value = try attempt(path) { () throws(SystemError) in
            // Room for one byte more shows a file that grows meanwhile.
            try SecretValue(capacity: size + 1) { buffer throws(SystemError) in try file.read(into: buffer) }
        }
        guard value.count == size else {
            throw .corrupt("the file \(path) changed while it was read: another program writes to it")
        }
        return value
    }

    func delete(_ name: KeyName, deadline: Deadline) throws(KeystoreError) {
        guard let entry = try directory.entry(name) else { throw .notFound }
        guard entry.isRegularFile else { throw foreign(name) }
        try directory.checkPath()
        do throws(SystemError) {
            try directory.unlink(name.text)
        } catch {
            guard error.code != ENOENT else { throw .notFound }
            throw error.keystoreError(directory.path(of: name))
        }
        do throws(KeystoreError) {
            try attempt(directory.path(of: name)) { () throws(SystemError) in try directory.sync() }
            // Moved away meanwhile, or copied before, it still has the key for the next to open it.
            try directory.checkPath()
        } catch {
            throw error.adding("The key may have been deleted nevertheless")
        }
    }

    func list(prefix: String, after: String, limit: Int, deadline: Deadline) throws(KeystoreError) -> [KeyName] {
        let names = try index.names(deadline)
        var page: [KeyName] = []
        var position = names.position(prefix: prefix, after: after)
        while page.count < limit, let name = names.name(at: position, prefix: prefix) {
            position += 1
            // The index may hold what has been deleted since, and knows nothing of the files but their names.
            guard let entry = try directory.entry(name), entry.isRegularFile else { continue }
            if entry.st_size > 0 { page.append(name) } else { reportOnce(name) }
            if position % 1024 == 0 { try deadline.check() }
        }
        return page
    }

    func status(deadline: Deadline) throws(KeystoreError) { try directory.check() }

    // MARK: What is no entry

    /// EXISTS, and a word to the operator when what exists cannot be read as an entry.
    private func exists(_ name: KeyName, _ taken: stat?) -> KeystoreError {
        if let taken, taken.isRegularFile, taken.st_size == 0 { log.error(emptyFile(name)) }
        return .exists
    }

    private func reportOnce(_ name: KeyName) {
        guard reported.withLock({ $0.insert(name).inserted }) else { return }
        log.error(emptyFile(name))
    }

    private func emptyFile(_ name: KeyName) -> String {
        "the file \(directory.path(of: name)) is empty and holds no key: either another server is creating the key just now, or "
            + "one died while it did. If none is, delete the file (or the key `\(name)`), or restore it from a backup"
    }

    private func foreign(_ name: KeyName) -> KeystoreError {
        .corrupt("\(directory.path(of: name)) is not a regular file, and so no key: move it out of the keystore's directory")
    }
}
