import CLibcrypto
import Glibc

/// The text of a configuration file, from the disk.
enum ConfigurationText {
    /// Far beyond any real file, and small enough that a wrong path (a disk image, a device) is not read to its end.
    static let maximumSize = 4 << 20

    static func read(_ path: String) throws(ConfigurationError) -> String {
        var bytes = try readBytes(path)
        // The text may hold passwords. The string made of it cannot be wiped (see `YAMLReader`), this copy can.
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let position = positionOfFirstBadByte(bytes)
            throw ConfigurationError(
                file: path, line: position.line, column: position.column,
                message: "the file is not UTF-8 from here on; save it as UTF-8")
        }
        return text
    }

    private static func readBytes(_ path: String) throws(ConfigurationError) -> [UInt8] {
        func failure(_ verb: String) -> ConfigurationError {
            ConfigurationError(file: path, message: "cannot \(verb) the configuration file: \(String(cString: strerror(errno)))")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open") }
        defer { close(descriptor) }
        // One buffer of the final size: one that grows would leave copies of the text behind.
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw failure("read") }
        let capacity =
            information.st_mode & S_IFMT == S_IFREG ? Int(min(information.st_size, off_t(maximumSize))) + 1 : maximumSize + 1
        var readError: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity {
                let result = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, capacity - count)
                if result > 0 {
                    count += result
                } else if result == 0 {
                    break
                } else if errno != EINTR {
                    readError = errno
                    break
                }
            }
        }
        guard readError == 0 else {
            errno = readError
            throw failure("read")
        }
        guard bytes.count <= maximumSize, bytes.count < capacity else {
            throw ConfigurationError(
                file: path,
                message: "the file is larger than \(maximumSize >> 20) MiB or grew while it was read; is it the right one?")
        }
        return bytes
    }

    private static func positionOfFirstBadByte(_ bytes: [UInt8]) -> SourcePosition {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var position = SourcePosition.start
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            position =
                scalar == "\n"
                ? SourcePosition(line: position.line + 1, column: 1)
                : SourcePosition(line: position.line, column: position.column + 1)
        }
        return position
    }
}
