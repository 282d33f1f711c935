import Glibc

/// What a keystore makes of a file in the place of its own. Tried where the configuration names one file that the keystore makes.
extension Runner {
    /// The checks of `open.foreign` and `open.damaged`.
    func checkFile(_ rule: Rule) throws {
        markChecked(rule)
        guard !isVolatile else { return skip(rule, "the keystore keeps values in memory") }
        let place = try directories.make(isOnDisk: false)
        defer { directories.remove(place) }
        let prefix = nextNames
        if place.isFresh { conclude(try start(Procedure.keep.rawValue, in: place, prefix: prefix), rule) }
        let files = place.named.filter(Self.isFile)
        guard files.count == 1, let file = files.first, let whole = Self.read(file), !whole.isEmpty else {
            return skip(rule, "the configuration names no file in {dir} that the keystore has its keys in")
        }
        var random = SplitMix(seed: options.seed)
        for content in rule == .openForeign ? Self.foreign(&random) : Self.damaged(whole, &random) {
            guard Self.write(content.bytes, to: file) else {
                throw Failure(description: "cannot write \(file): \(String(cString: strerror(errno)))")
            }
            let worker = try start(Procedure.inspect.rawValue, in: place, prefix: prefix)
            var told = worker.nextTold()
            while let word = told, word != "refused", !word.hasPrefix("opened ") { told = worker.nextTold() }
            conclude(worker, rule)
            // One that did not get so far was reported.
            guard let told else { return }
            let there = told == "refused" ? nil : told.split(separator: " ").last.flatMap { Int($0) }
            switch rule {
            case .openForeign: if there != nil { fail(rule, "open() took \(content.what) for its own") }
            default:
                if let there, there < Procedure.names - 1 {
                    fail(rule, "with \(content.what) open() answered OK, and \(there) of \(Procedure.names) keys are there")
                }
            }
            if Self.read(file) != content.bytes { fail(rule, "open() changed \(content.what)") }
        }
    }

    private func skip(_ rule: Rule, _ text: String) { findings.append(Finding(.skipped, rule, text)) }

    private typealias Content = (bytes: [UInt8], what: String)

    private static func foreign(_ random: inout SplitMix) -> [Content] {
        let lines = (0..<200).map { "\($0) is a line of a file that somebody else needs\n" }.joined()
        return [
            (Array("hello\n".utf8), "a file with one line of text"),
            (Array(lines.utf8), "a text of 200 lines"),
            ((0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }, "20,000 random bytes"),
        ]
    }

    /// One bit is changed, often in the beginning, on which most depends.
    private static func damaged(_ whole: [UInt8], _ random: inout SplitMix) -> [Content] {
        (0..<32).map { number in
            let place = Int(random.next() % UInt64(number < 12 ? min(64, whole.count) : whole.count))
            var bytes = whole
            bytes[place] ^= 1 << UInt8(random.next() % 8)
            return (bytes, "byte \(place) of \(whole.count) changed")
        }
    }

    // MARK: Files

    private static func isFile(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }

    private static func read(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var (bytes, part) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while case let count = Glibc.read(file, &part, part.count), count != 0 {
            guard count > 0 else { return nil }
            bytes += part[..<count]
        }
        return bytes
    }

    /// Replaces the content of a file.
    private static func write(_ bytes: [UInt8], to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }
}
