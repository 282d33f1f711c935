import Glibc
import SecureBytes

/// Reads small files that may hold secrets.
enum BoundedFile {
    /// Why a file was not read. The text follows the name of the file.
    struct Failure: Error, Equatable {
        let message: String
        /// Whether there is no file of that name.
        let isMissing: Bool
    }

    /// Reads the file at `path` and lends its bytes to `body`. They are wiped when `body` returns.
    ///
    /// - Parameter limit: the most bytes that the file may have.
    static func read<R>(_ path: String, limit: Int, _ body: (UnsafeRawBufferPointer) -> R) throws(Failure) -> R {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw failure(errno) }
        // One buffer that the whole file fits in: one that grows would leave copies of its bytes behind. One byte more tells
        // the end of the file from the end of the buffer. A pipe does not tell its size.
        let isRegular = information.st_mode & S_IFMT == S_IFREG
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: isRegular ? Int(min(information.st_size, off_t(limit))) + 1 : limit + 1, alignment: 16)
        defer {
            wipe(buffer)
            buffer.deallocate()
        }
        var count = 0
        while count < buffer.count {
            let result = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            if result == 0 { break }
            guard result > 0 || errno == EINTR else { throw failure(errno) }
            count += max(result, 0)
        }
        guard count < buffer.count else {
            throw Failure(
                message: "is larger than \(limit >> 20) MiB or grew while it was read; is it the right file?", isMissing: false)
        }
        return body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }

    private static func failure(_ code: Int32) -> Failure {
        let advice = code == EACCES ? "; the server's user must be able to read it" : ""
        return Failure(message: "cannot be read: \(SystemError.text(code))\(advice)", isMissing: code == ENOENT)
    }
}
