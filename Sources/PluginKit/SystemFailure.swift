import Glibc

extension KeystoreError {
    /// A system call that failed on a file of the keystore, with what helps: for keystores that keep their values in files.
    ///
    /// - Parameters:
    ///   - action: what was tried, as in "read".
    ///   - path: what it was tried with.
    ///   - code: the `errno`.
    public static func system(_ action: String, _ path: String, _ code: Int32) -> KeystoreError {
        let text = "cannot \(action) \(path): \(systemText(code))"
        guard let (kind, help) = remedy(for: code) else { return .internal(text) }
        return KeystoreError(kind, "\(text); \(help)")
    }

    /// A failure to give a file the name `path` by a hard link. A file system without them answers as if it were a matter of permissions.
    package static func hardLink(_ path: String, _ code: Int32) -> KeystoreError {
        switch code {
        case EPERM, EOPNOTSUPP, ENOSYS, EMLINK:
            .internal(
                "cannot create \(path): \(systemText(code)); its file system has no hard links, or allows no more of them, and this "
                    + "keystore needs them to make files: use another file system")
        default: .system("create", path, code)
        }
    }

    /// The same failure with another sentence behind its message.
    package func adding(_ sentence: String) -> KeystoreError { KeystoreError(kind, "\(message). \(sentence)") }

    /// What an `errno` of a file or directory means to the server, and what its operator can do; nil when it says nothing of the kind.
    /// That a file is missing means something else to each keystore, and is not among them.
    public static func remedy(for code: Int32) -> (kind: Kind, remedy: String)? {
        switch code {
        case EACCES, EPERM: (.denied, "the server's user must be able to read and write it and its directory")
        case EROFS: (.denied, "mount its file system writable")
        case ENOSPC, EDQUOT: (.internal, "make room in the file system")
        case EMFILE, ENFILE: (.internal, "raise the limit of open files")
        case EIO, ENODEV, ENXIO, ESTALE, ENOTCONN, EHOSTDOWN, ETIMEDOUT, ESHUTDOWN: (.unreachable, "check the disk")
        default: nil
        }
    }

    /// The system's words for an `errno`.
    public static func systemText(_ code: Int32) -> String {
        // Not strerror, whose buffer POSIX lets threads share.
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { space in
            guard let base = space.baseAddress, strerror_r(code, base, space.count) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}
