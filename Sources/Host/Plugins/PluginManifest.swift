import Yams

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
        try members.refuseOthers(known: ["name", "library", "sha256", "isolation"])
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
    private var remaining: [(name: String, mark: Mark?, value: Node)]

    init(parsing text: String, path: String) throws(PluginError) {
        self.path = path
        let root: Node?
        do {
            // The basic resolver leaves every scalar a string: a version or a digest must not turn into a number.
            root = try Parser(yaml: text, resolver: .basic).singleRoot()
        } catch let error as YamlError {
            throw Self.syntaxError(error, path: path)
        } catch {
            throw .invalidManifest(path: path, line: nil, column: nil, problem: "it is not valid YAML: \(error)")
        }
        guard case .mapping(let mapping)? = root else {
            throw .invalidManifest(
                path: path, line: root?.mark?.line ?? 1, column: root?.mark?.column ?? 1,
                problem: "a manifest is a mapping with 'name' and 'library'")
        }
        remaining = []
        for (key, value) in mapping {
            guard case .scalar(let scalar) = key else {
                throw .invalidManifest(
                    path: path, line: key.mark?.line, column: key.mark?.column, problem: "a member's name must be text")
            }
            remaining.append((scalar.string, key.mark, value))
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
        guard case .scalar(let scalar) = member.value else {
            throw .invalidManifest(
                path: path, line: member.value.mark?.line, column: member.value.mark?.column, problem: "'\(name)' must be text")
        }
        if let problem = problem(scalar.string) {
            throw .invalidManifest(path: path, line: scalar.mark?.line, column: scalar.mark?.column, problem: problem)
        }
        return scalar.string
    }

    func refuseOthers(known: [String]) throws(PluginError) {
        guard let unknown = remaining.first else { return }
        throw .invalidManifest(
            path: path, line: unknown.mark?.line, column: unknown.mark?.column,
            problem: "'\(unknown.name)' is not a member of a manifest: these are \(known.joined(separator: ", "))")
    }

    private static func syntaxError(_ error: YamlError, path: String) -> PluginError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            .invalidManifest(path: path, line: mark.line, column: mark.column, problem: problem)
        case .duplicatedKeysInMapping(let names, let context):
            .invalidManifest(
                path: path, line: context.mark.line, column: context.mark.column,
                problem: "given more than once: \(names.sorted().joined(separator: ", "))")
        default:
            .invalidManifest(path: path, line: nil, column: nil, problem: "it is not valid YAML")
        }
    }
}
