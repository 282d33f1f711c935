import Glibc

/// The files that TLS is spoken with, as they are and as they were when they were read.
struct TLSFiles: Sendable {
    /// What tells one state of a file from another.
    fileprivate struct Stamp: Equatable {
        var device: dev_t
        var inode: ino_t
        var size: off_t
        var modified: [Int]
    }

    /// By path; nil for one that cannot be looked at.
    struct State: Equatable, Sendable {
        fileprivate var stamps: [String: Stamp?]
    }

    private let configuration: TLS

    init(_ configuration: TLS) {
        self.configuration = configuration
    }

    /// Looks at the certificate, the private key and the authorities. Blocks.
    var state: State {
        guard configuration.generated == nil else { return State(stamps: [:]) }
        var paths = [configuration.certificateFile, configuration.privateKeyFile]
        if case .trustedCertificate = configuration.clientAuthentication, let authorities = configuration.authorities {
            paths.append(authorities)
            paths += Self.files(in: authorities)
        }
        return State(stamps: Dictionary(paths.map { ($0, Self.stamp(of: $0)) }) { first, _ in first })
    }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: status.st_dev, inode: status.st_ino, size: status.st_size,
            modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
    }

    /// What is in a directory; nothing if it is none.
    private static func files(in path: String) -> [String] {
        (directoryNames(path) ?? []).filter { !$0.hasPrefix(".") }.map { "\(path)/\($0)" }
    }
}
