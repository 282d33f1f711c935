import Glibc
import PluginKit

/// Makes a key's file, so that nobody ever sees a part of one, whatever dies when.
///
/// The value is written to a file whose name can be no key's, synced, and linked to the key's name, which fails when that is
/// taken; then the first name is removed and the directory synced. The maker holds a lock on the file (flock(2)), which the
/// system drops when it dies: a file that can be locked is left over, and the next to open the keystore removes it.
///
/// Why not O_TMPFILE, which leaves nothing over: several file systems do not have it (NFS, older overlayfs and FUSE), and it
/// needs /proc to be linked. A second way for those would be the one that is tested least.
enum NewFile {
    /// Begins with a dot, as no key's name does. The rest keeps other programs' files safe from our cleaning.
    private static let prefix = ".keswick-new-"

    enum Outcome {
        case published
        /// The name is taken.
        case exists
        /// Somebody who opened the keystore removed the new file before it was locked: to be tried again.
        case lost
    }

    /// Stores `value` under `name`. When it throws, nothing of it is left under that name.
    static func publish(
        _ value: RawSpan, as name: KeyName, in directory: Directory, log: HostLog, deadline: Deadline
    ) throws(KeystoreError) -> Outcome {
        let path = directory.path(of: name)
        // A RawSpan cannot be captured by a closure; its bytes stay valid until this function returns.
        let value = value.withUnsafeBytes { $0 }
        let temporary = prefix + String(UInt64.random(in: .min ... .max), radix: 16)
        let file: Descriptor
        do throws(SystemError) {
            file = try directory.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        } catch {
            guard error.code != EEXIST else { return .lost }
            throw error.keystoreError(path)
        }
        var outcome = Outcome.published
        do throws(KeystoreError) {
            outcome = try attempt(path) { () throws(SystemError) in
                if case .held = try file.lock() { return .lost }
                try file.write(value)
                try file.sync()
                return .published
            }
            // The host has answered its client by then: rather nothing than a key that nobody knows of.
            try deadline.check()
            if case .published = outcome { outcome = try link(file) }
        } catch {
            remove(temporary, from: directory, log: log)
            throw error
        }
        remove(temporary, from: directory, log: log)
        if case .published = outcome { try makeDurable(file) }
        return outcome

        func link(_ file: Descriptor) throws(KeystoreError) -> Outcome {
            do throws(SystemError) {
                try directory.link(temporary, to: name.text)
                return .published
            } catch {
                switch error.code {
                // Over a network a link may be made and its answer lost; the repetition then finds our own file. The number of its
                // links would not tell: a backup of hard links may have given it a second one.
                case EEXIST:
                    return try attempt(path) { () throws(SystemError) in
                        guard let entry = try directory.find(name.text), entry.isSameFile(as: try file.info()) else {
                            return .exists
                        }
                        return .published
                    }
                case ENOENT: return .lost
                default: throw .hardLink(path, error.code)
                }
            }
        }

        func makeDurable(_ file: Descriptor) throws(KeystoreError) {
            do throws(KeystoreError) {
                try attempt(path) { () throws(SystemError) in try directory.sync() }
                try directory.checkPath()
            } catch {
                guard withdraw(file) else { throw error.adding("The key may have been stored nevertheless") }
                throw error
            }
        }

        /// Removes the key's name again, unless it is another file's by now.
        func withdraw(_ file: Descriptor) -> Bool {
            do {
                let info = try file.info()
                guard let entry = try directory.find(name.text), entry.isSameFile(as: info) else { return true }
                try directory.unlink(name.text)
                try directory.sync()
                return true
            } catch { return false }
        }
    }

    /// Whether a file's name is one that the makers of keys' files give first.
    static func isFirstName(_ name: UnsafeRawBufferPointer) -> Bool { name.starts(with: prefix.utf8) }

    /// Removes those of the files that makers left who died.
    static func removeLeftovers(
        _ found: [String], in directory: Directory, log: HostLog, deadline: Deadline
    ) throws(KeystoreError) {
        for name in found {
            try deadline.check()
            do throws(SystemError) {
                // For writing, without which NFS gives no exclusive lock.
                switch try directory.open(name, O_RDWR | O_NOFOLLOW | O_NONBLOCK).lock() {
                case .taken: remove(name, from: directory, log: log)
                case .held: break
                case .unsupported: throw SystemError(action: "lock", code: ENOLCK)
                }
            } catch {
                guard error.code != ENOENT else { continue }
                log.warning(
                    error.keystoreError("\(directory.path)/\(name)").message
                        + "; a server that died may have left it, and it may hold a key: remove it when no server uses the keystore"
                )
            }
        }
    }

    /// Removes a new file's first name. A failure is no failure of the call: the next to open the keystore tries again.
    private static func remove(_ temporary: String, from directory: Directory, log: HostLog) {
        do throws(SystemError) {
            try directory.unlink(temporary)
        } catch {
            guard error.code != ENOENT else { return }
            log.warning(
                error.keystoreError("\(directory.path)/\(temporary)").message + "; it is removed when the server starts next")
        }
    }
}
