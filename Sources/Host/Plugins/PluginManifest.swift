/// What `NAME.yml` says about a plugin: its name, its library and, if the operator wants it pinned, the library's SHA-256.
package struct PluginManifest: Equatable, Sendable {
    /// The manifest's own path, for messages and to find the library beside it.
    package var path: String
    package var name: String
    /// Absolute, or relative to the places that `PluginDirectory` looks in.
    package var library: String
    /// 64 lower-case hexadecimal digits.
    package var sha256: String?
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
            throw .invalidManifest(path: file.path, line: nil, column: nil, problem: "it is too large for a plugin's manifest")
        }
        var bytes = [UInt8](repeating: 0, count: Int(file.stamp.size))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        bytes = Array(buffer[..<count])
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidManifest(path: file.path, line: nil, column: nil, problem: "it is not UTF-8 text")
        }
        try self.init(parsing: text, path: file.path)
    }

    /// Parses the text of a manifest. `path` is where it came from.
    package init(parsing text: String, path: String) throws(PluginError) {
        var members = try ManifestMembers(parsing: text, path: path)
        name = try members.required("name", "the plugin's name, as in the configuration's 'keystore' section") {
            Self.isValidName($0) ? nil : "'\($0)' is not a plugin's name: use 1 to 64 characters of a-z 0-9 - _"
        }
        library = try members.required("library", "the file name or the absolute path of the shared library") {
            $0.isEmpty || $0.utf8.contains(0) ? "'library' must be a file name or an absolute path" : nil
        }
        sha256 = try members.optional("sha256") {
            $0.utf8.count == 64 && $0.utf8.allSatisfy(Self.isHexadecimalDigit)
                ? nil : "'sha256' must be 64 hexadecimal digits: take those that sha256sum prints for the library"
        }?.lowercased()
        let isolation = try members.optional("isolation") {
            Isolation(rawValue: $0) == nil ? "'\($0)' is not an isolation: say none or process" : nil
        }
        self.isolation = isolation.flatMap(Isolation.init) ?? .none
        self.path = path
        limits = try Self.limits(&members, self.isolation)
        try members.refuseOthers(known: ["name", "library", "sha256", "isolation", "memory", "files", "steady"])
    }

    private static func limits(_ members: inout ManifestMembers, _ isolation: Isolation) throws(PluginError) -> ProcessLimits {
        /// A member that means nothing without a process to apply it to.
        func member(_ name: String, _ problem: (String) -> String?) throws(PluginError) -> String? {
            try members.optional(name) { text in
                isolation == .process
                    ? problem(text) : "'\(name)' is for a plugin in a process of its own: add 'isolation: process'"
            }
        }
        var limits = ProcessLimits()
        let memory = try member("memory") {
            ProcessLimits.memory($0) == nil
                ? "'\($0)' is not a limit of memory: write 256MiB, 2GiB or such, at least 256MiB" : nil
        }
        if let memory = memory.flatMap(ProcessLimits.memory) { limits.memory = memory }
        let files = try member("files") {
            ProcessLimits.files($0) == nil ? "'\($0)' is not a number of open files: write one from 128 to 1048576" : nil
        }
        if let files = files.flatMap(ProcessLimits.files) { limits.files = files }
        let steady = try member("steady") { text in
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

/// The members of a manifest's one mapping, taken one after the other.
private struct ManifestMembers {
    private let path: String
    private var remaining: [(name: String, position: SourcePosition, value: YAMLElement)] = []

    init(parsing text: String, path: String) throws(PluginError) {
        self.path = path
        let root: YAMLElement?
        do throws(YAMLParser.Failure) {
            root = try YAMLParser.parse(text)
        } catch {
            throw Self.invalid(path, error.position, error.problem)
        }
        guard case .mapping(let members)? = root?.content else {
            throw Self.invalid(path, root?.position ?? .start, "a manifest is a mapping with 'name' and 'library'")
        }
        for member in members {
            guard let name = member.name.text else {
                throw Self.invalid(path, member.name.position, "a member's name must be text")
            }
            if remaining.contains(where: { $0.name == name }) {
                throw Self.invalid(path, member.name.position, "given more than once: \(name)")
            }
            remaining.append((name, member.name.position, member.value))
        }
    }

    /// Takes a member that must be there. `problem` says what is wrong with its value, nil when nothing is.
    mutating func required(_ name: String, _ meaning: String, _ problem: (String) -> String?) throws(PluginError) -> String {
        guard let value = try optional(name, problem) else {
            throw .invalidManifest(path: path, line: nil, column: nil, problem: "'\(name)' is missing: \(meaning)")
        }
        return value
    }

    mutating func optional(_ name: String, _ problem: (String) -> String?) throws(PluginError) -> String? {
        guard let index = remaining.firstIndex(where: { $0.name == name }) else { return nil }
        let member = remaining.remove(at: index)
        guard let text = member.value.text else { throw Self.invalid(path, member.value.position, "'\(name)' must be text") }
        if let problem = problem(text) { throw Self.invalid(path, member.value.position, problem) }
        return text
    }

    func refuseOthers(known: [String]) throws(PluginError) {
        guard let unknown = remaining.first else { return }
        throw Self.invalid(
            path, unknown.position, "'\(unknown.name)' is not a member of a manifest: these are \(known.joined(separator: ", "))")
    }

    private static func invalid(_ path: String, _ position: SourcePosition, _ problem: String) -> PluginError {
        .invalidManifest(path: path, line: position.line, column: position.column, problem: problem)
    }
}
