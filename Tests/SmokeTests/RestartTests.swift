import Glibc
import KESClient
import TestSupport
import Testing

/// What a server leaves behind when it ends, however it ends.
@Suite struct RestartTests {
    @Test("A server that is asked to stop ends with 0, and the next one has its keys", arguments: Store.allCases)
    func orderlyStop(store: Store) async throws {
        let site = try Site(store)
        let first = try site.start()
        let created = try await site.withClient(of: first) { client in
            try await client.createKey("app-1")
            return CreatedKey(name: "app-1", dataKey: try await client.generateDataKey("app-1"))
        }
        #expect(first.stop(SIGTERM) == 0)

        let second = try site.start()
        try await site.withClient(of: second) { client in
            if Store.lasting.contains(store) {
                try await expectIntact([created], among: ["app-1"], client)
            } else {
                #expect(try await client.listKeys().all() == [])
                try await client.createKey("app-1")
            }
        }
        #expect(second.stop(SIGTERM) == 0)
    }

    @Test("No key whose creation was answered is lost to SIGKILL, and no half-made key shows", arguments: Store.lasting)
    func crash(store: Store) async throws {
        let site = try Site(store)
        var created: [CreatedKey] = []
        var attempted: Set<String> = []
        // Killed upon the first answer, and later ones, with many creations under way each time.
        for (round, limit) in [1, 3, 20, 100, 250].enumerated() {
            let names = (0..<1_000).map { "app-\(round)-\($0)" }
            attempted.formUnion(names)
            let server = try site.start()
            created += try await createKeys(names, at: server, of: site, killingAfter: limit)
            #expect(server.process.wait() == -SIGKILL)
            #expect(created.filter { $0.name.hasPrefix("app-\(round)-") }.count >= limit)

            let next = try site.start()
            try await site.withClient(of: next) { client in
                let listed = try await expectIntact(created, among: attempted, client)
                let missing = names.filter { !listed.contains($0) }
                #expect(!missing.isEmpty, "the server was killed when all was done")
                // A name that does not show is free: nothing of the crash is in the way.
                for name in missing.prefix(20) {
                    try await client.createKey(name)
                    created.append(CreatedKey(name: name))
                }
            }
            #expect(next.stop(SIGTERM) == 0)
        }
    }

    @Test("A server that keeps its keys in memory begins anew after SIGKILL")
    func crashInMemory() async throws {
        let site = try Site(.mem)
        let server = try site.start()
        let created = try await createKeys((0..<1_000).map { "app-\($0)" }, at: server, of: site, killingAfter: 100)
        #expect(server.process.wait() == -SIGKILL)
        #expect(created.count >= 100)

        let next = try site.start()
        try await site.withClient(of: next) { client in
            #expect(try await client.listKeys().all() == [])
            try await client.createKey("app-0")
        }
    }

    /// Expects that all of `created` are there and decrypt what was encrypted with them, and that each name that shows can be
    /// read and is one of those that were asked for.
    ///
    /// - Returns: the names that show.
    @discardableResult
    private func expectIntact(
        _ created: [CreatedKey], among attempted: Set<String>, _ client: KESClient
    ) async throws -> Set<String> {
        let names = try await client.listKeys().all()
        let listed = Set(names)
        #expect(names.count == listed.count)
        #expect(listed.isSubset(of: attempted))
        for name in names { #expect(try await client.describeKey(name).name == name) }
        for key in created {
            #expect(listed.contains(key.name), "\(key.name) is lost")
            guard let dataKey = key.dataKey else { continue }
            #expect(try await client.decrypt(key.name, ciphertext: dataKey.ciphertext) == dataKey.plaintext)
        }
        return listed
    }
}
