import Glibc

/// The system's words for an `errno`.
enum SystemError {
    static func text(_ code: Int32) -> String {
        // Not strerror, whose buffer POSIX lets threads share.
        var buffer = [CChar](repeating: 0, count: 256)
        return buffer.withUnsafeMutableBufferPointer { space in
            guard let base = space.baseAddress, strerror_r(code, base, space.count) == 0 else { return "error \(code)" }
            return String(cString: base)
        }
    }
}
