import CLinux
import Glibc

/// Opens files that only root and the server's user can have written, and refuses all others.
///
/// The check walks the path from the root of the file system on descriptors, following symbolic links by itself, and looks
/// at every directory and link on the way: what it checked is what it goes on from. A path that passes can be changed by
/// root and the server's user only, so it still names the same file later, when the dynamic linker opens it.
package enum FileTrust {
    /// What makes a file untrusted.
    package enum Problem: Equatable, Sendable {
        /// Someone other than root or the server's user owns `path`, which is the file or something on the way to it.
        case foreignOwner(path: String, owner: UInt32)
        /// Others may write to `path`, which is the file or a directory on the way to it.
        case writableByOthers(path: String)
        case notARegularFile
        case tooManyLinks
    }

    /// Opens `path` for reading if nobody but root and `user` can have put it there or changed it.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to the working directory.
    ///   - user: whose files are trusted beside root's; the effective user of this process unless a test says otherwise.
    ///   - isPrivate: whether nobody but root and `user` is in a group; asked of the system unless a test says otherwise.
    /// - Returns: the open file, or nil when there is none at `path`.
    package static func open(
        _ path: String, user: UInt32 = geteuid(), isPrivate: ((_ group: UInt32) -> Bool)? = nil
    ) throws(PluginError) -> TrustedFile? {
        guard let absolute = path.absolutePath else {
            throw .notReadable(path: path, reason: "the working directory is gone")
        }
        var walk = TrustWalk(
            to: absolute, user: user, requested: path,
            isPrivate: isPrivate ?? { PrivateGroup.isPrivate($0, to: user) || PrivateGroup.isPrivate($0, to: 0) })
        return try walk.open()
    }
}

/// One walk from `/` to a file.
private struct TrustWalk: ~Copyable {
    private let user: UInt32
    private let requested: String
    private let isPrivate: (UInt32) -> Bool
    /// The directories from the root to where the walk is, each open; never empty.
    private var directories: [(descriptor: Int32, name: String, status: stat)] = []
    /// The components that are still to be walked, the next one last.
    private var pending: [String]
    private var links = 0

    init(to absolute: String, user: UInt32, requested: String, isPrivate: @escaping (UInt32) -> Bool) {
        self.user = user
        self.requested = requested
        self.isPrivate = isPrivate
        pending = absolute.pathComponents.reversed()
    }

    deinit {
        for directory in directories { close(directory.descriptor) }
    }

    mutating func open() throws(PluginError) -> TrustedFile? {
        try enterRoot()
        while let component = pending.popLast() {
            if component == ".." {
                // The parent of the root is the root.
                if directories.count > 1 { close(directories.removeLast().descriptor) }
                continue
            }
            var status = stat()
            guard fstatat(top, component, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                if errno == ENOENT || errno == ENOTDIR { return nil }
                throw .notReadable(path: path(component), reason: SystemError.text(errno))
            }
            try checkOwner(status, component)
            switch status.st_mode & S_IFMT {
            case S_IFLNK: try follow(component)
            case S_IFDIR: try enter(component)
            default: return pending.isEmpty ? try openFile(component) : nil
            }
        }
        throw .untrusted(path: requested, .notARegularFile)
    }

    private var top: Int32 { directories[directories.count - 1].descriptor }

    private func path(_ component: String) -> String {
        directories.reduce(into: "") { $0 += $1.name.isEmpty ? "" : "/" + $1.name } + (component.isEmpty ? "" : "/" + component)
    }

    private mutating func enterRoot() throws(PluginError) {
        for directory in directories { close(directory.descriptor) }
        directories = []
        let descriptor = Glibc.open("/", SystemCall.openPathOnly | O_DIRECTORY | O_CLOEXEC)
        try push(descriptor, "")
    }

    private mutating func enter(_ component: String) throws(PluginError) {
        try push(openat(top, component, SystemCall.openPathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), component)
    }

    private mutating func push(_ descriptor: Int32, _ name: String) throws(PluginError) {
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            let reason = SystemError.text(errno)
            if descriptor >= 0 { close(descriptor) }
            throw .notReadable(path: path(name), reason: reason)
        }
        directories.append((descriptor, name, status))
        try checkOwner(status, "")
        // In a directory with the sticky bit (/tmp) others may add entries, but neither rename nor remove ours, and whose an
        // entry is gets checked next. It is good enough to pass through, not to hold the file: see `openFile`.
        let isSticky = status.st_mode & S_ISVTX != 0
        if !isSticky, isWritableByOthers(status, descriptor) {
            throw .untrusted(path: requested, .writableByOthers(path: path("")))
        }
    }

    private mutating func follow(_ component: String) throws(PluginError) {
        links += 1
        // Linux's own limit (path_resolution(7)).
        guard links <= 40 else { throw .untrusted(path: requested, .tooManyLinks) }
        guard let text = SystemCall.linkTarget(component, in: top) else {
            throw .notReadable(path: path(component), reason: SystemError.text(errno))
        }
        if text.utf8.first == UInt8(ascii: "/") { try enterRoot() }
        pending.append(contentsOf: text.pathComponents.reversed())
    }

    private mutating func openFile(_ component: String) throws(PluginError) -> TrustedFile {
        let holder = directories[directories.count - 1]
        if isWritableByOthers(holder.status, holder.descriptor) {
            throw .untrusted(path: requested, .writableByOthers(path: path("")))
        }
        // O_NONBLOCK: opening a FIFO must not hang.
        let descriptor = openat(top, component, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            let reason = SystemError.text(errno)
            if descriptor >= 0 { close(descriptor) }
            throw .notReadable(path: path(component), reason: reason)
        }
        let file = TrustedFile(path: path(component), descriptor: descriptor, status: status)
        guard status.st_mode & S_IFMT == S_IFREG else { throw .untrusted(path: requested, .notARegularFile) }
        try checkOwner(status, component)
        if isWritableByOthers(status, descriptor) { throw .untrusted(path: requested, .writableByOthers(path: file.path)) }
        return file
    }

    private func checkOwner(_ status: stat, _ component: String) throws(PluginError) {
        guard status.st_uid == 0 || status.st_uid == user else {
            let place = path(component)
            throw .untrusted(path: requested, .foreignOwner(path: place.isEmpty ? "/" : place, owner: status.st_uid))
        }
    }

    private func isWritableByOthers(_ status: stat, _ descriptor: Int32) -> Bool {
        if status.st_mode & S_IWOTH != 0 { return true }
        // With an access control list the group bits are its mask (acl(5)): a list that lets anyone write shows here too, but may
        // let others write than the group.
        return status.st_mode & S_IWGRP != 0 && !(isPrivate(status.st_gid) && hasNoAccessControlList(descriptor))
    }

    private func hasNoAccessControlList(_ descriptor: Int32) -> Bool {
        // By way of /proc, because the descriptor of a directory was opened with O_PATH, which fgetxattr refuses.
        getxattr("/proc/self/fd/\(descriptor)", "system.posix_acl_access", nil, 0) < 0 && (errno == ENODATA || errno == ENOTSUP)
    }
}

extension FileTrust.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .foreignOwner(let path, let owner):
            "\(path) belongs to user \(owner), who is neither root nor the user that the server runs as. "
                + "Give it to one of them: chown root \(path)"
        case .writableByOthers(let path):
            "others than its owner may write to \(path). Take that right away: chmod go-w \(path)"
        case .notARegularFile: "it is not a regular file"
        case .tooManyLinks: "its path leads through more than 40 symbolic links"
        }
    }
}
