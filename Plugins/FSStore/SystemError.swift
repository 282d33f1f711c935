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
        let error = KeystoreError.system(action, path, code)
        guard code == ENOENT else { return error }
        return .unreachable(error.message + "; the keystore's directory was removed: restore it, then restart the server")
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
