import SecureBytes

/// Puts a key in the place of another one, in a keystore that can create, read and delete, and so cannot do it in one step.
///
/// 1. The old key is deleted. Its value stays in memory.
/// 2. The new one is created, and read back.
/// 3. When that fails, the old one is put back.
///
/// What a call came to is asked of the keystore, not of the call alone: an answer can be lost after the work was done. Each step is tried
/// again for as long as it may help. A create never replaces anything, so that trying it again can harm no key.
struct KeyReplacement {
    let destination: KeyEntries
    let name: String
    let new: KeyEntries.Entry
    let old: KeyEntries.Content

    /// Before each further try of a step: long enough for a connection to be made again, and short enough to be waited for.
    private static let pauses: [Duration] = [.milliseconds(100), .milliseconds(400), .seconds(1), .seconds(2)]

    /// What stands under the name.
    private enum Standing {
        case nothing
        case old
        case new
        case other
        /// The keystore does not say.
        case unknown(String)
    }

    /// What became of one try of a step.
    private enum Attempt<Value> {
        case done(Value)
        case failed(KeyProblemOrKeystoreProblem)
        /// It failed, and may do better after a pause.
        case again(KeyProblemOrKeystoreProblem)
    }

    func run() async throws(KeyProblemOrKeystoreProblem) {
        do throws(KeyProblemOrKeystoreProblem) {
            try await removeOld()
            try await createNew()
        } catch {
            switch await putBack(after: error) {
            case .new: return
            case .old(let oldKey): throw error.with(oldKey)
            }
        }
    }

    // MARK: Steps

    private func removeOld() async throws(KeyProblemOrKeystoreProblem) {
        try await repeating {
            do throws(KeyProblemOrKeystoreProblem) {
                try await destination.remove(name)
                return .done(())
            } catch {
                return switch await standing() {
                case .nothing: .done(())
                case .other: .failed(error)
                case .old, .new, .unknown: again(error)
                }
            }
        }
    }

    private func createNew() async throws(KeyProblemOrKeystoreProblem) {
        // Once the keystore has said that it is stored, only reading is left to be tried again.
        var isStored = false
        try await repeating {
            var failure = KeyProblemOrKeystoreProblem.key(
                KeyProblem(name: name, reason: isStored ? .notAsWritten : .changedMeanwhile))
            do throws(KeyProblemOrKeystoreProblem) {
                if try await destination.create(name, new.bytes) {
                    isStored = true
                    failure = .key(KeyProblem(name: name, reason: .notAsWritten))
                }
            } catch {
                failure = error
            }
            return switch await standing() {
            case .new: .done(())
            case .nothing: again(failure)
            case .old, .other: .failed(failure)
            case .unknown(let why): .again(isStored ? .keystore(KeystoreProblem(description: why)) : failure)
            }
        }
    }

    private enum Outcome {
        /// The new key is there after all.
        case new
        case old(OldKey)
    }

    /// Creates what stood under the name before, unless something stands there.
    private func putBack(after failure: KeyProblemOrKeystoreProblem) async -> Outcome {
        guard let bytes = old.bytes else { return await withoutValue() }
        // What was written and came out as something else is no key, and in the way.
        var isSpoiled = if case .key(let problem) = failure, case .notAsWritten = problem.reason { true } else { false }
        var wasCreated = false
        do throws(KeyProblemOrKeystoreProblem) {
            return try await repeating {
                do throws(KeyProblemOrKeystoreProblem) {
                    if isSpoiled {
                        try await destination.remove(name)
                        isSpoiled = false
                    }
                    if try await destination.create(name, bytes) { wasCreated = true }
                } catch {
                    return switch await standing() {
                    case .old: .done(.old(.restored))
                    case .new: .done(.new)
                    case .other where !isSpoiled: .done(.old(.replaced("something else stands there now")))
                    // Whatever the reason: there is nothing to be lost any more.
                    case .nothing, .other, .unknown: .again(error)
                    }
                }
                return switch await standing() {
                case .old: .done(.old(wasCreated ? .restored : .untouched))
                case .new: .done(.new)
                case .other: .done(.old(.replaced("something else stands there now")))
                case .nothing: .again(failure)
                case .unknown(let why): .again(.keystore(KeystoreProblem(description: why)))
                }
            }
        } catch {
            return .old(await lost("\(error)"))
        }
    }

    /// What became of an old key whose value the keystore could not read.
    private func withoutValue() async -> Outcome {
        switch await standing() {
        case .new: .new
        case .old: .old(.untouched)
        case .other: .old(.replaced("something else stands there now"))
        case .nothing: .old(.lost(old.provenance, isKnown: true, "the keystore could not read it"))
        case .unknown: .old(.lost(old.provenance, isKnown: false, "the keystore could not read it"))
        }
    }

    private func lost(_ why: String) async -> OldKey {
        let isKnown = if case .nothing = await standing() { true } else { false }
        return .lost(old.provenance, isKnown: isKnown, why)
    }

    // MARK: Trying

    private func again<Value>(_ failure: KeyProblemOrKeystoreProblem) -> Attempt<Value> {
        failure.mayPass ? .again(failure) : .failed(failure)
    }

    /// Tries until it is done, or cannot be, or there was a try after the last pause.
    private func repeating<Value>(
        _ attempt: () async -> Attempt<Value>
    ) async throws(KeyProblemOrKeystoreProblem) -> Value {
        for pause in Self.pauses {
            switch await attempt() {
            case .done(let value): return value
            case .failed(let failure): throw failure
            case .again: await Self.wait(pause)
            }
        }
        switch await attempt() {
        case .done(let value): return value
        case .failed(let failure), .again(let failure): throw failure
        }
    }

    private static func wait(_ pause: Duration) async {
        // In a task that nobody cancels: a replacement that was begun is finished.
        await Task.detached { try? await Task.sleep(for: pause) }.value
    }

    private func standing() async -> Standing {
        do throws(KeyProblemOrKeystoreProblem) {
            guard let content = try await destination.content(name) else { return .nothing }
            if content.isSame(as: new) { return .new }
            switch (content.bytes, old.bytes) {
            case (let bytes?, let old?): return bytes == old ? .old : .other
            // Both cannot be read, and are taken for the same.
            case (nil, nil): return .old
            case (nil, _?), (_?, nil): return .other
            }
        } catch {
            return .unknown("\(error)")
        }
    }
}
