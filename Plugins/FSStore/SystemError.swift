import Glibc
import PluginKit

/// A system call that failed.
struct SystemError: Error {
    /// What was tried, as in "cannot read".
    let action: String
    let code: Int32

    /// The error as the host sees it.
    ///
    /// - Parameter path: what it was tried with.
    func keystoreError(_ path: String) -> KeystoreError {
        let text = "cannot \(action) \(path): \(String(cString: strerror(code)))"
        switch code {
        case EACCES, EPERM: return .denied(text + "; the server's user must own the keystore's directory and its files")
        case EROFS: return .denied(text + "; mount its file system writable")
        case ENOSPC, EDQUOT, EMLINK: return .internal(text + "; make room in the file system")
        case EMFILE, ENFILE: return .internal(text + "; raise the limit of open files")
        case EIO, ENODEV, ENXIO, ESTALE, ENOTCONN, EHOSTDOWN, ETIMEDOUT, ESHUTDOWN:
            return .unreachable(text + "; check the disk")
        case ENOENT: return .unreachable(text + "; the keystore's directory was removed: restore it, then restart the server")
        default: return .internal(text)
        }
    }
}

/// Runs `body` on what is at `path` and turns its error into the host's.
func attempt<Result>(_ path: String, _ body: () throws(SystemError) -> Result) throws(KeystoreError) -> Result {
    do throws(SystemError) { return try body() } catch { throw error.keystoreError(path) }
}

/// Makes a system call that returns a negative number when it fails, again for as long as a signal interrupts it.
@discardableResult
func system<Number: SignedInteger>(_ action: String, _ call: () -> Number) throws(SystemError) -> Number {
    while true {
        let result = call()
        guard result < 0 else { return result }
        let code = errno
        guard code == EINTR else { throw SystemError(action: action, code: code) }
    }
}

extension stat {
    var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }

    func isSameFile(as other: stat) -> Bool { st_dev == other.st_dev && st_ino == other.st_ino }
}
