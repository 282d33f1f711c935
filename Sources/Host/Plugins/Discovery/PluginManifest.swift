/// What `NAME.yml` says about a plugin: its name, its library and, if the operator wants it pinned, the library's SHA-256.
package struct PluginManifest: Equatable, Sendable {
    /// The manifest's own path, for messages and to find the library beside it.
    package var path: String
    package var name: String
    /// Absolute, or relative to the places that `PluginDirectory` looks in.
    package var library: String
    /// 64 lower-case hexadecimal digits.
    package var sha256: String?
    /// The member of the plugin's configuration that names the file or directory with the keys, if they are in one.
    package var location: String?
    package var isolation = Isolation.none
    /// For a process of its own.
    package var limits = ProcessLimits()

    /// Where the library is loaded.
    package enum Isolation: String, Sendable, CaseIterable {
        /// In the server's process: a call is a function call.
        case none
        /// In a process of its own, whose end is not the server's.
        case process
    }

    init(path: String, name: String, library: String, sha256: String?, isolation: Isolation) {
        self.path = path
        self.name = name
        self.library = library
        self.sha256 = sha256
        self.isolation = isolation
    }

    /// A manifest is a few lines; anything near this many bytes is not one.
    private static let sizeLimit: Int64 = 65536

    /// Reads a manifest from a file that passed the check.
    package init(reading file: TrustedFile) throws(PluginError) {
        guard file.stamp.size <= Self.sizeLimit else {
            throw .invalidManifest(path: file.path, [ManifestProblem("it is too large for a plugin's manifest")])
        }
        var bytes = [UInt8](repeating: 0, count: Int(file.stamp.size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        bytes = Array(buffer[..<count])
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidManifest(path: file.path, [ManifestProblem("it is not UTF-8 text")])
        }
        try self.init(parsing: text, path: file.path)
    }

    /// Parses the text of a manifest, and finds all that is wrong with it. `path` is where it came from.
    package init(parsing text: String, path: String) throws(PluginError) {
        var members = try ManifestMembers(parsing: text, path: path)
        let name = members.required("name", "the plugin's name, as in the configuration's 'keystore' section") {
            Self.isValidName($0) ? nil : "'\($0)' is not a plugin's name: use 1 to 64 characters of a-z 0-9 - _"
        }
        let library = members.required("library", "the file name or the absolute path of the shared library") {
            $0.isEmpty || $0.utf8.contains(0) ? "'library' must be a file name or an absolute path" : nil
        }
        sha256 = members.optional("sha256") {
            $0.utf8.count == 64 && $0.utf8.allSatisfy(Self.isHexadecimalDigit)
                ? nil : "'sha256' must be 64 hexadecimal digits: take those that sha256sum prints for the library"
        }?.lowercased()
        location = members.optional("location") {
            $0.isEmpty ? "'location' must be a member of the plugin's configuration" : nil
        }
        let isolation = members.optional("isolation") {
            Isolation(rawValue: $0) == nil ? "'\($0)' is not an isolation: say none or process" : nil
        }
        self.isolation = isolation.flatMap(Isolation.init) ?? .none
        limits = Self.limits(&members, self.isolation)
        members.refuseOthers(known: ["name", "library", "sha256", "location", "isolation", "memory", "files", "steady"])
        self.path = path
        guard let name, let library, members.problems.isEmpty else {
            throw .invalidManifest(path: path, members.problems.sorted { $0.isBefore($1) })
        }
        self.name = name
        self.library = library
    }

    private static func limits(_ members: inout ManifestMembers, _ isolation: Isolation) -> ProcessLimits {
        /// A member that means nothing without a process to apply it to.
        func member(_ name: String, _ problem: (String) -> String?) -> String? {
            members.optional(name) { text in
                isolation == .process
                    ? problem(text) : "'\(name)' is for a plugin in a process of its own: add 'isolation: process'"
            }
        }
        var limits = ProcessLimits()
        let memory = member("memory") {
            ProcessLimits.memory($0) == nil
                ? "'\($0)' is not a limit of memory: write 256MiB, 2GiB or such, at least 256MiB" : nil
        }
        if let memory = memory.flatMap(ProcessLimits.memory) { limits.memory = memory }
        let files = member("files") {
            ProcessLimits.files($0) == nil ? "'\($0)' is not a number of open files: write one from 128 to 1048576" : nil
        }
        if let files = files.flatMap(ProcessLimits.files) { limits.files = files }
        let steady = member("steady") { text in
            do throws(GoDuration.Problem) {
                _ = try GoDuration.parse(text)
                return nil
            } catch {
                return "'steady' is '\(text)', \(error.message)"
            }
        }
        if let steady = steady.flatMap({ try? GoDuration.parse($0) }) { limits.steadyAfter = steady }
        return limits
    }

    /// Whether `name` is one that the header allows for a plugin: 1 to 64 bytes of `a-z 0-9 - _`.
    package static func isValidName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        case UInt8(ascii: "A")...UInt8(ascii: "F"): true
        default: false
        }
    }
}
