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
            if case .published = outcome { outcome = try attempt(path) { () throws(SystemError) in try link(file) } }
        } catch {
            remove(temporary, from: directory, log: log)
            throw error
        }
        remove(temporary, from: directory, log: log)
        if case .published = outcome { try makeDurable(file) }
        return outcome

        func link(_ file: Descriptor) throws(SystemError) -> Outcome {
            do throws(SystemError) {
                try directory.link(temporary, to: name.text)
                return .published
            } catch {
                switch error.code {
                // Over a network a link may be made and its answer lost; the repetition then finds our own file (open(2)).
                case EEXIST: return try file.info().st_nlink > 1 ? .published : .exists
                case ENOENT: return .lost
                default: throw error
                }
            }
        }

        func makeDurable(_ file: Descriptor) throws(KeystoreError) {
            do throws(SystemError) {
                try directory.sync()
            } catch {
                let failure = error.keystoreError(path)
                guard withdraw(file) else {
                    throw KeystoreError(failure.kind, failure.message + ". The key may have been stored nevertheless")
                }
                throw failure
            }
        }

        /// Removes the key's name again, unless it is another file's by now.
        func withdraw(_ file: Descriptor) -> Bool {
            do {
                let info = try file.info()
                guard let entry = try directory.entry(name), entry.isSameFile(as: info) else { return true }
                try directory.unlink(name.text)
                return true
            } catch { return false }
        }
    }

    /// Removes the files of makers that died.
    static func removeLeftovers(in directory: Directory, log: HostLog, deadline: Deadline) throws(KeystoreError) {
        var found: [String] = []
        try directory.forEachFile { name throws(KeystoreError) in
            if name.starts(with: prefix.utf8) { found.append(String(decoding: name, as: UTF8.self)) }
        }
        for name in found {
            try deadline.check()
            guard let file = try? directory.open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else { continue }
            // Without locks it cannot be told whether somebody is at it just now.
            guard case .taken? = try? file.lock() else { continue }
            remove(name, from: directory, log: log)
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
