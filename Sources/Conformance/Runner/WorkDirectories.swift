import CLinux
import Glibc

/// Directories for the plugin's data and the runner's own, removed at the end.
final class WorkDirectories {
    /// Where one check works.
    struct Place {
        /// The configuration with the directory in the place of `{dir}`.
        var configuration: String
        /// Whether the directory is new, and goes away afterwards.
        var isFresh: Bool
        /// The paths in that directory that the configuration names.
        var named: [String] = []
        fileprivate var path: String?
    }

    private let configuration: String
    private let memory: String
    private let disk: String
    private var made = 0

    init(configuration: String) throws(Runner.Failure) {
        self.configuration = configuration
        disk = try Self.make(in: getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")
        // Thousands of synced files take their time on a disk; only --durable is about what a disk keeps.
        memory = Self.hasRoom("/dev/shm") ? try Self.make(in: "/dev/shm") : disk
    }

    deinit {
        for directory in [disk, memory] {
            Self.removeTree(directory)
            Interruption.change { _ = $0.directories.remove(directory) }
        }
    }

    /// Ten thousand files of a page each, and what others have there: containers often have 64 MiB only.
    private static func hasRoom(_ directory: String) -> Bool {
        var status = statvfs()
        guard access(directory, W_OK) == 0, statvfs(directory, &status) == 0 else { return false }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize) >= 512 << 20
    }

    private static func make(in directory: String) throws(Runner.Failure) -> String {
        var template = Array("\(directory)/kes-plugin-check-XXXXXX".utf8CString)
        return try Interruption.change { holdings throws(Runner.Failure) in
            guard mkdtemp(&template) != nil else {
                throw Runner.Failure(description: "cannot make a directory in \(directory): \(String(cString: strerror(errno)))")
            }
            let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            holdings.directories.insert(made)
            return made
        }
    }

    /// Whether the keystore is not the check's own: the configuration names no directory of the check.
    var keystoreIsKept: Bool { !configuration.contains("{dir}") }

    func make(isOnDisk: Bool) throws(Runner.Failure) -> Place {
        guard !keystoreIsKept else { return Place(configuration: configuration, isFresh: false, path: nil) }
        made += 1
        let path = "\(isOnDisk ? disk : memory)/\(made)"
        guard Interruption.change({ _ in mkdir(path, 0o700) }) == 0 else {
            throw Runner.Failure(description: "cannot make \(path): \(String(cString: strerror(errno)))")
        }
        let named = configuration.matches(of: /"\{dir\}(\/[^"\\]+)"/).map { path + $0.output.1 }
        return Place(configuration: configuration.replacing("{dir}", with: path), isFresh: true, named: named, path: path)
    }

    func remove(_ place: Place) {
        if let path = place.path { Self.removeTree(path) }
    }

    func progress(_ number: Int) -> String { "\(disk)/progress-\(number)" }

    static func removeTree(_ path: String) {
        if unlink(path) == 0 || errno == ENOENT { return }
        guard let directory = opendir(path) else { return }
        while let entry = readdir(directory) {
            let name = String(cString: keswick_name(entry))
            if name != ".", name != ".." { removeTree("\(path)/\(name)") }
        }
        closedir(directory)
        rmdir(path)
    }
}
