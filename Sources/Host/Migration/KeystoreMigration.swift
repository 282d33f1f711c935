import Glibc
import Logging
import NIOConcurrencyHelpers
import SecureBytes

/// Copies keys from one keystore to another, each as the bytes that the first one holds.
///
/// It can be broken off at any moment, by a crash too, and taken up again with `ExistingKeys.merge`: a key is in the destination as a
/// whole or not at all. The source is only read.
package final class KeystoreMigration: Sendable {
    /// What to do with names that the destination holds already.
    package enum ExistingKeys: Sendable {
        /// Copy nothing when there is one.
        case refuse
        /// Leave alone those that are equal; one that is not is a problem.
        case merge
        /// Replace those that are not equal.
        case overwrite
    }

    /// How far it is.
    package struct Progress: Sendable, Equatable {
        /// How many keys the source holds. Those that are deleted meanwhile are taken off.
        package internal(set) var total = 0
        /// How many were new to the destination.
        package internal(set) var copied = 0
        /// How many were there and equal.
        package internal(set) var skipped = 0
        /// How many were there, other, and replaced.
        package internal(set) var overwritten = 0
        /// How many could not be copied.
        package internal(set) var failed = 0

        package var done: Int { copied + skipped + overwritten + failed }
    }

    /// The plugins' names.
    package let sourceName: String
    package let destinationName: String
    /// The configuration file that names the source.
    private let sourceFile: String
    /// Whether the destination claims that what it stored survives a crash of the machine.
    package let isDestinationDurable: Bool

    private let source: KeyEntries
    private let destination: KeyEntries
    private let log: ErrorLog
    private let output: LineWriter
    /// The signal that ended the work.
    private let ending = NIOLockedValueBox<Int32?>(nil)

    /// How many keys are on their way at once. Keystores that answer over a network, or wait for a disk, then wait for several.
    private static let concurrency = 8
    /// How long calls in flight may take when a keystore is closed.
    private static let closeLimit = Duration.seconds(5)

    /// Loads the plugins of both configurations and opens their keystores. Blocks.
    ///
    /// - Throws: `MigrationError` or `PluginError`.
    package static func open(
        from source: KeystorePlace, to destination: KeystorePlace, pluginDirectory: String?
    ) throws -> KeystoreMigration {
        guard
            source.keystore.name != destination.keystore.name
                || source.keystore.configuration != destination.keystore.configuration
        else { throw MigrationError.sameKeystore(source.keystore.name) }
        try requireSource(source, pluginDirectory)
        let output = try LineWriter(descriptor: 2) { loss in
            Array("\(Plural.were(loss.count, "line", "of the keystores")) lost: standard error \(loss.reason)\n".utf8)
        }
        let log = ErrorLog(level: .warning, output: output) { .now() }
        let first = try open(source, pluginDirectory, log.logger)
        do {
            let second = try open(destination, pluginDirectory, log.logger)
            return KeystoreMigration(first, second, sourceFile: source.file, log, output)
        } catch {
            first.close(within: closeLimit)
            log.tellLeftOut(all: true)
            output.close(seconds: 1)
            throw error
        }
    }

    /// Refuses a source that is not there, before its plugin makes it.
    private static func requireSource(_ place: KeystorePlace, _ pluginDirectory: String?) throws {
        let manifest = try PluginDirectory(explicit: pluginDirectory ?? place.pluginDirectory).manifest(for: place.keystore.name)
        guard let member = manifest.location, let path = place.keystore.text(member) else { return }
        var info = stat()
        guard stat(path, &info) != 0, errno == ENOENT || errno == ENOTDIR else { return }
        throw MigrationError.noSource(place.keystore.name, file: place.file, member: member, path: path)
    }

    private static func open(
        _ place: KeystorePlace, _ pluginDirectory: String?, _ logger: Logger
    ) throws(PluginError) -> KeystoreBridge {
        try OpenKeystore.bridge(
            place.keystore, in: PluginDirectory(explicit: pluginDirectory ?? place.pluginDirectory), logger: logger)
    }

    private init(
        _ source: KeystoreBridge, _ destination: KeystoreBridge, sourceFile: String, _ log: ErrorLog, _ output: LineWriter
    ) {
        self.sourceFile = sourceFile
        self.source = KeyEntries(bridge: source, role: "source")
        self.destination = KeyEntries(bridge: destination, role: "destination")
        self.log = log
        self.output = output
        sourceName = source.plugin.name
        destinationName = destination.plugin.name
        isDestinationDurable = destination.plugin.isDurable
    }

    /// Waits for the calls that still run, and closes both keystores. Blocks.
    package func close() {
        source.bridge.close(within: Self.closeLimit)
        destination.bridge.close(within: Self.closeLimit)
        log.tellLeftOut(all: true)
        output.close(seconds: 1)
    }

    /// Copies the keys whose names a pattern matches: a prefix that may end in `*`; empty for all.
    ///
    /// - Parameter report: called after each key, one call at a time.
    /// - Throws: `MigrationError`: right away when a keystore fails; at the end when single keys could not be copied, of which it
    ///   names some. All other keys are in the destination then.
    package func run(
        pattern: String, existing: ExistingKeys, report: (Progress) -> Void
    ) async throws(MigrationError) -> Progress {
        let prefix = try Self.prefix(of: pattern)
        let all = try await source.names(prefix: prefix)
        // A keystore whose path is wrong, or whose disk is not mounted, is empty.
        guard !all.isEmpty else { throw .nothingToCopy(source: sourceName, file: sourceFile, prefix: prefix) }
        // In the destination no request could reach them, nor remove them.
        let names = all.filter(Names.isValid)
        if existing == .refuse {
            let taken = Set(names).intersection(try await destination.names(prefix: prefix))
            guard taken.isEmpty else { throw .alreadyThere(names: taken.sorted(), of: names.count) }
        }
        var progress = Progress()
        progress.total = all.count
        progress.failed = all.count - names.count
        var problems = all.filter { !Names.isValid($0) }.map { KeyProblem(name: $0, reason: .notAName) }
        report(progress)
        // Those of a keystore as a whole end the work. What is on its way by then is finished: a key may be half replaced.
        var failures: [KeystoreProblem] = []
        await withTaskGroup(of: Result<Copied, KeyProblemOrKeystoreProblem>.self) { group in
            var rest = names[...]
            for _ in 0..<Self.concurrency { start(&rest, existing, &group) }
            while let result = await group.next() {
                switch result {
                case .success(.new): progress.copied += 1
                case .success(.equal): progress.skipped += 1
                // Deleted since the names were listed.
                case .success(.gone): progress.total -= 1
                case .success(.replaced): progress.overwritten += 1
                case .failure(.key(let problem)):
                    progress.failed += 1
                    problems.append(problem)
                case .failure(.keystore(let problem)):
                    progress.failed += 1
                    failures.append(problem)
                }
                report(progress)
                if failures.isEmpty { start(&rest, existing, &group) }
            }
        }
        problems.sort { $0.name < $1.name }
        // One failure tells why; of the keys, what nobody would otherwise learn.
        let gone = failures.dropFirst().filter { $0.oldKey?.isGone ?? false }.map(\.description)
        let keys = gone + problems.filter { $0.oldKey?.isGone ?? false }.map(\.description)
        if let first = failures.first { throw .keystoreFailed(first, keys: keys, progress) }
        if progress.done < progress.total, let signal = ending.withLockedValue({ $0 }) {
            throw .interrupted(by: signal, keys: keys, progress)
        }
        guard problems.isEmpty else { throw .keysFailed(problems, progress) }
        return progress
    }

    /// Has `run` begin no further key, finish those that it has begun, and throw.
    func stop(by signal: Int32) {
        ending.withLockedValue { $0 = signal }
    }

    private static func prefix(of pattern: String) throws(MigrationError) -> String {
        do throws(NameError) {
            let parsed = try ListPattern(pattern)
            guard parsed.after == nil else { throw .badListPattern(pattern) }
            return parsed.prefix
        } catch {
            throw .badPattern(pattern)
        }
    }

    /// What became of one key.
    private enum Copied {
        case new
        case equal
        case replaced
        /// It was deleted from the source after the listing.
        case gone
    }

    private func start(
        _ names: inout ArraySlice<String>, _ existing: ExistingKeys,
        _ group: inout TaskGroup<Result<Copied, KeyProblemOrKeystoreProblem>>
    ) {
        guard ending.withLockedValue({ $0 }) == nil, let name = names.popFirst() else { return }
        group.addTask {
            do throws(KeyProblemOrKeystoreProblem) {
                return .success(try await self.copy(name, existing))
            } catch {
                return .failure(error)
            }
        }
    }

    private func copy(_ name: String, _ existing: ExistingKeys) async throws(KeyProblemOrKeystoreProblem) -> Copied {
        guard let entry = try await source.entry(name) else { return .gone }
        if try await create(name, entry) { return .new }
        guard let there = try await destination.content(name) else {
            // Whoever had it there has removed it.
            throw .key(KeyProblem(name: name, reason: .changedMeanwhile))
        }
        if there.isSame(as: entry) { return .equal }
        guard existing == .overwrite else {
            if case .unusable(_, let problem) = there { throw .key(problem) }
            throw .key(KeyProblem(name: name, reason: .other))
        }
        try await KeyReplacement(destination: destination, name: name, new: entry, old: there).run()
        return .replaced
    }

    /// Creates the key and reads it back; false when the name is taken.
    private func create(_ name: String, _ entry: KeyEntries.Entry) async throws(KeyProblemOrKeystoreProblem) -> Bool {
        do throws(KeyProblemOrKeystoreProblem) {
            guard try await destination.create(name, entry.bytes) else { return false }
        } catch {
            // The answer may have been lost after the key was stored.
            guard let there = try? await destination.content(name), there.isSame(as: entry) else { throw error }
            return true
        }
        guard let stored = try await destination.content(name), stored.isSame(as: entry) else {
            throw .key(KeyProblem(name: name, reason: .notAsWritten))
        }
        return true
    }
}
