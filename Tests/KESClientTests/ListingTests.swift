import KESClient
import TestSupport
import Testing

@Suite struct ListingTests {
    @Test func aListingGivesEveryNameOfEveryPageOnce() async throws {
        let server = try RunningServer()
        let names = (0..<2_300).map { "key-\($0)" } + ["other"]
        try await server.withClient { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in names { group.addTask { try await client.createKey(name) } }
                try await group.waitForAll()
            }
            #expect(try await client.listKeys().all() == names.sorted())
            #expect(try await client.listKeys(prefix: "key-1").all() == names.filter { $0.hasPrefix("key-1") }.sorted())
            #expect(try await client.listKeys(prefix: "none").all().isEmpty)

            let first = try await client.keyPage()
            #expect(first.names.count == 1_000)
            let second = try await client.keyPage(try #require(first.continueAt))
            #expect(first.names + second.names == Array(names.sorted().prefix(2_000)))
            let last = try await client.keyPage(try #require(second.continueAt))
            #expect(last.continueAt == nil)
        }
    }

    @Test func aListingThatIsNotReadToItsEndFetchesNoMoreThanItNeeds() async throws {
        let server = try RunningServer()
        try await server.withClient { client in
            for name in ["a", "b"] { try await client.createKey(name) }
            var iterator = client.listKeys().makeAsyncIterator()
            #expect(try await iterator.next() == "a")
            #expect(server.process.stop() == 0)
            // The rest of the page is there already.
            #expect(try await iterator.next() == "b")
            #expect(try await iterator.next() == nil)
        }
    }

    @Test func anErrorEndsAListing() async throws {
        let server = try RunningServer()
        let error = await failure {
            try await server.withClient(server.deployment.stranger) { try await $0.listKeys().all() }
        }
        #expect(error == .server(status: 403, message: "not authorized: insufficient permissions"))
    }
}
