import Glibc

/// The service manager that has started the process and waits for word from it: systemd with `Type=notify` (sd_notify(3), whose protocol
/// this is).
enum ServiceManager {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Says that the server serves now, so that `systemctl start` and `restart` end when clients are let in, and fail when they will not be.
    ///
    /// - Parameter address: the value of NOTIFY_SOCKET: a socket's path, or its name in the abstract namespace behind an `@`. Where it is
    ///     not set nobody waits.
    static func tellReady(at address: String?) throws(Failure) {
        guard let address, !address.isEmpty else { return }
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let path = Array(address.utf8)
        guard path.count < MemoryLayout.size(ofValue: name.sun_path) else {
            throw Failure(description: "NOTIFY_SOCKET is longer than the name of a socket can be")
        }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path) }
        // A name in the abstract namespace begins with a zero and has none at its end (unix(7)).
        let isAbstract = path[0] == UInt8(ascii: "@")
        if isAbstract { name.sun_path.0 = 0 }
        let length = (MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + path.count + (isAbstract ? 0 : 1)

        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failed(errno) }
        defer { close(descriptor) }
        let message = Array("READY=1".utf8)
        // `sockaddr_un` is a `sockaddr` of the family AF_UNIX, and `length` bytes of it are set.
        let sent = withUnsafePointer(to: name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
        guard sent == message.count else { throw failed(errno) }
    }

    private static func failed(_ code: Int32) -> Failure {
        Failure(
            description:
                "the service manager could not be told that the server is ready, and may end it: \(SystemError.text(code)) "
                + "(NOTIFY_SOCKET)")
    }
}
