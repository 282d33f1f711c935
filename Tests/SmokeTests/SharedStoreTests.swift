import KESClient
import SecureBytes
import TestSupport
import Testing

/// Several servers on one keystore.
@Suite struct SharedStoreTests {
    private enum Outcome: Equatable {
        case created, exists, other(KESError)
    }

    @Test("Of racing creations of a name at two servers, exactly one is answered with 200", arguments: Store.lasting)
    func race(store: Store) async throws {
        let site = try Site(store)
        let servers = try [site.start(), site.start()]
        let names = (0..<20).map { "app-\($0)" }
        try await site.withClient(of: servers[0]) { first in
            try await site.withClient(of: servers[1]) { second in
                let outcomes = await outcomes(of: names, perName: 10, at: [first, second])
                for name in names {
                    #expect(outcomes[name]?.count { $0 == .created } == 1, "\(name)")
                    #expect(outcomes[name]?.count { $0 == .exists } == 9, "\(name)")
                }
                // And it is one key, whichever server is asked.
                for name in names {
                    let dataKey = try await first.generateDataKey(name)
                    #expect(try await second.decrypt(name, ciphertext: dataKey.ciphertext) == dataKey.plaintext)
                }
                #expect(try await first.listKeys().all() == names.sorted())
                #expect(try await second.listKeys().all() == names.sorted())
            }
        }
    }

    @Test("Servers that come and go on a keystore disturb no creation at another", arguments: Store.lasting)
    func comingAndGoing(store: Store) async throws {
        let site = try Site(store)
        let steady = try site.start()
        let names = (0..<400).map { "app-\($0)" }
        async let created = createKeys(names, at: steady, of: site)
        for _ in 0..<3 { #expect(try site.start().stop() == 0) }
        let answered = try await created
        #expect(answered.count == names.count)
        let listed = try await site.withClient(of: steady) { try await $0.listKeys().all() }
        #expect(listed == names.sorted())
    }

    @Test("What a client encrypts after \"key already exists\" can be read with the key that there is", arguments: Store.lasting)
    func madeAgain(store: Store) async throws {
        let site = try Site(store)
        let servers = try [site.start(), site.start()]
        try await site.withClient(of: servers[0]) { first in
            try await site.withClient(of: servers[1]) { second in
                try await first.createKey("app")
                // The key is in the second server's cache now, and replaced at the first.
                _ = try await second.generateDataKey("app")
                try await first.deleteKey("app")
                try await first.createKey("app")
                await #expect(throws: KESError.server(status: 400, message: "key already exists")) {
                    try await second.createKey("app")
                }
                let dataKey = try await second.generateDataKey("app")
                #expect(try await first.decrypt("app", ciphertext: dataKey.ciphertext) == dataKey.plaintext)
            }
        }
    }

    @Test(
        "What one server encrypts with a key that was made again, another decrypts that has the old one", arguments: Store.lasting
    )
    func decryptedElsewhere(store: Store) async throws {
        let site = try Site(store)
        let servers = try [site.start(), site.start()]
        try await site.withClient(of: servers[0]) { first in
            try await site.withClient(of: servers[1]) { second in
                try await first.createKey("app")
                let lost = try await second.generateDataKey("app")
                try await first.deleteKey("app")
                try await first.createKey("app")
                let dataKey = try await first.generateDataKey("app")
                let notAuthentic = KESError.server(status: 400, message: "decryption failed: ciphertext is not authentic")
                // The keystore is not read for each ciphertext that cannot be decrypted.
                let clock = ContinuousClock()
                let end = clock.now + .seconds(60)
                var decrypted: SecretBytes?
                while decrypted == nil, clock.now < end {
                    do throws(KESError) {
                        decrypted = try await second.decrypt("app", ciphertext: dataKey.ciphertext)
                    } catch {
                        try #require(error == notAuthentic)
                    }
                }
                #expect(decrypted == dataKey.plaintext)
                // The deleted key is gone.
                await #expect(throws: notAuthentic) { try await second.decrypt("app", ciphertext: lost.ciphertext) }
            }
        }
    }

    /// Creates each name so many times at once, turn and turn about at the clients' servers.
    private func outcomes(of names: [String], perName count: Int, at clients: [KESClient]) async -> [String: [Outcome]] {
        await withTaskGroup(of: (name: String, outcome: Outcome).self) { group in
            for attempt in 0..<count {
                for name in names {
                    group.addTask {
                        do throws(KESError) {
                            try await clients[attempt % clients.count].createKey(name)
                            return (name, .created)
                        } catch {
                            let isTaken = error == .server(status: 400, message: "key already exists")
                            return (name, isTaken ? .exists : .other(error))
                        }
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.name, default: []].append($1.outcome) }
        }
    }
}
