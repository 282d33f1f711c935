import KESClient
import TestSupport
import Testing

/// The program of the documentation.
@Suite struct ExampleTests {
    @Test func theCodeOfTheDocumentationIsThatOfTheExample() throws {
        let example = String(decoding: try readFile("\(Repository.root)/examples/DataKeys/main.swift"), as: UTF8.self)
        let page = String(
            decoding: try readFile("\(Repository.root)/Sources/KESClient/KESClient.docc/KESClient.md"), as: UTF8.self)
        let blocks = page.split(separator: "```swift\n").dropFirst().map {
            $0.prefix(upTo: $0.firstRange(of: "```")?.lowerBound ?? $0.endIndex)
        }
        #expect(blocks.count == 5)
        for block in blocks { #expect(example.contains("\n\(block)// snippet.end"), "\(block)") }
    }

    @Test func theExampleDoesWhatItSays() throws {
        let server = try RunningServer()
        let admin = server.deployment.admin
        for greeting in ["", "the key my-key is there already\n"] {
            let result = try run(
                "\(buildDirectory())/example-data-keys", ["my-key"],
                environment: server.process.environment(for: admin).merging(["KES_SERVER": "127.0.0.1:\(server.process.port)"]) {
                    $1
                })
            #expect(result.code == 0, "\(result.errorText)")
            #expect(
                result.text == greeting
                    + "the data key came back: true\nkey my-key\nthe audit log says: 200\n", "\(result.text)")
        }
    }

    @Test func followingALogEndsWhenItsTaskIsCancelled() async throws {
        let server = try RunningServer()
        for version in HTTPVersionPreference.all {
            try await server.withClient(version: version) { client in
                let (events, follower) = AsyncStream<String>.makeStream()
                let log = try await client.log(.audit)
                let following = Task {
                    await failure {
                        for try await line in log { follower.yield(line) }
                    }
                }
                // Until one has come, so that it is followed when it is cancelled.
                var iterator = events.makeAsyncIterator()
                try await client.ready()
                #expect(AuditEvent(try #require(await iterator.next()))?.path.hasPrefix("/v1/") == true)
                following.cancel()
                let end = await following.value
                #expect(end == nil || end == .cancelled, "\(String(describing: end))")
                // The client goes on.
                try await client.ready()
            }
        }
    }
}
