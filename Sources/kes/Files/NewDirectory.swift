import Glibc
import Host
import SecureBytes

/// A directory to fill with new files: with all of them or with none, and never in place of others.
struct NewDirectory {
    /// Absolute, without a trailing slash.
    let path: String
    private let exists: Bool

    /// - Parameter path: the directory. Its parent has to exist.
    init(path: String) throws(CommandFailure) {
        var trimmed = Substring(path)
        while trimmed.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        guard !trimmed.isEmpty else { throw CommandFailure("the directory's name is empty") }
        if let existing = Self.resolve(String(trimmed)) {
            self.path = existing
            exists = true
            return
        }
        guard errno == ENOENT else { throw CommandFailure("cannot use \(path): \(Files.message(errno))") }
        let slash = trimmed.lastIndex(of: "/")
        let parent = slash.map { $0 == trimmed.startIndex ? "/" : String(trimmed[..<$0]) } ?? "."
        let name = slash.map { trimmed[trimmed.index(after: $0)...] } ?? trimmed
        guard let resolved = Self.resolve(parent) else {
            throw CommandFailure("cannot make \(path): \(parent): \(Files.message(errno))")
        }
        self.path = resolved == "/" ? "/\(name)" : "\(resolved)/\(name)"
        exists = false
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Makes the files, and the directories (mode 0700) beside them.
    func make(
        files: [(name: String, contents: SecretBytes, mode: mode_t)], directories: [String]
    ) throws(CommandFailure) {
        if exists {
            try checkExisting(files.map(\.name) + directories)
            try fill(path, files, directories)
            try Self.sync(path)
        } else {
            // Complete under another name first, then in place in one step.
            var template = Array("\(path).XXXXXX".utf8CString)
            // mkdtemp makes it with mode 0700.
            guard mkdtemp(&template) != nil else { throw CommandFailure("cannot make \(path): \(Files.message(errno))") }
            let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            do throws(CommandFailure) {
                try fill(temporary, files, directories)
                try Self.sync(temporary)
                // Another directory that was made there meanwhile is in the way unless it is empty.
                guard rename(temporary, path) == 0 else { throw CommandFailure("cannot make \(path): \(Files.message(errno))") }
            } catch {
                Self.remove(files.map(\.name), directories, from: temporary)
                rmdir(temporary)
                throw error
            }
        }
    }

    private func checkExisting(_ names: [String]) throws(CommandFailure) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure("\(path) is not a directory")
        }
        for name in names {
            var entry = stat()
            // A dangling link is in the way too.
            guard lstat(file(name), &entry) != 0 else {
                throw CommandFailure("\(file(name)) exists already: nothing was changed. Choose another directory")
            }
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw CommandFailure(
                "other users may write to \(path): choose a directory of your own, or take their permission away")
        }
    }

    private func fill(
        _ directory: String, _ files: [(name: String, contents: SecretBytes, mode: mode_t)], _ directories: [String]
    ) throws(CommandFailure) {
        var made: (files: [String], directories: [String]) = ([], [])
        do throws(CommandFailure) {
            for name in directories {
                guard mkdir("\(directory)/\(name)", 0o700) == 0 else {
                    throw CommandFailure("cannot make \(directory)/\(name): \(Files.message(errno))")
                }
                made.directories.append(name)
            }
            for file in files {
                try Files.create("\(directory)/\(file.name)", file.contents, mode: file.mode)
                made.files.append(file.name)
            }
            // Its owner's alone, unless it held other things already.
            if Self.holdsOnly(made.files + made.directories, directory), chmod(directory, 0o700) != 0 {
                throw CommandFailure("cannot change the mode of \(directory): \(Files.message(errno))")
            }
        } catch {
            Self.remove(made.files, made.directories, from: directory)
            throw error
        }
    }

    private static func remove(_ files: [String], _ directories: [String], from directory: String) {
        for name in files { unlink("\(directory)/\(name)") }
        for name in directories { rmdir("\(directory)/\(name)") }
    }

    private static func holdsOnly(_ names: [String], _ directory: String) -> Bool {
        directoryNames(directory).map { Set($0).isSubset(of: names) } ?? false
    }

    // The names in it survive a crash of the machine.
    private static func sync(_ directory: String) throws(CommandFailure) {
        let file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw CommandFailure("cannot open \(directory): \(Files.message(errno))") }
        defer { close(file) }
        guard fsync(file) == 0 else { throw CommandFailure("cannot write \(directory): \(Files.message(errno))") }
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
