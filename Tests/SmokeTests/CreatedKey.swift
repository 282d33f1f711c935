import Glibc
import KESClient
import Synchronization
import TestSupport

/// A key whose creation was answered with 200.
struct CreatedKey: Sendable {
    var name: String
    /// Made with it, when the server lived long enough.
    var dataKey: DataKey?
}

/// Creates keys, and a data key with each, many at once. When `limit` creations were answered, if there is one, the server is
/// killed.
///
/// - Returns: what was answered, before the end and at it.
func createKeys(
    _ names: [String], at server: ServerProcess, of site: Site, killingAfter limit: Int? = nil
) async throws -> [CreatedKey] {
    let progress = Progress(names)
    return try await site.withClient(of: server) { client in
        try await withThrowingTaskGroup(of: [CreatedKey].self) { group in
            for _ in 0..<32 {
                group.addTask {
                    var created: [CreatedKey] = []
                    do {
                        while let name = progress.nextName() {
                            try await client.createKey(name)
                            created.append(CreatedKey(name: name))
                            if progress.countAnswer() == limit { server.process.signal(SIGKILL) }
                            created[created.count - 1].dataKey = try await client.generateDataKey(name)
                        }
                    } catch let error as KESError {
                        // That the server ends is expected when it is killed. That it answers with an error never is.
                        if case .server = error { throw error }
                        if limit == nil { throw error }
                    }
                    return created
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }
}

/// What the tasks share.
private final class Progress: Sendable {
    private let names: Mutex<ArraySlice<String>>
    private let answers = Atomic<Int>(0)

    init(_ names: [String]) {
        self.names = Mutex(names[...])
    }

    func nextName() -> String? { names.withLock { $0.popFirst() } }

    /// How many answers there were, this one included.
    func countAnswer() -> Int { answers.add(1, ordering: .relaxed).newValue }
}
