// Encrypts a message with a data key, as an application does that keeps the ciphertext beside its data.
//
//     KES_SERVER=127.0.0.1:7373 KES_API_KEY=kes:v1:… swift run -c release example-data-keys my-key

import Credentials
import Foundation
import KESClient

let environment = ProcessInfo.processInfo.environment
guard let key = environment["KES_API_KEY"], let name = CommandLine.arguments.dropFirst().first else {
    print("usage: KES_API_KEY=kes:v1:… example-data-keys KEY")
    exit(2)
}

// snippet.client
let client = try KESClient(
    endpoints: Endpoint.list(environment["KES_SERVER"] ?? "127.0.0.1:7373"),
    credential: .apiKey(try APIKey(key)))
// snippet.end

// snippet.create
do {
    try await client.createKey(name)
} catch {
    guard error == .keyExists else { throw error }
    print("the key \(name) is there already")
}
// snippet.end

// snippet.dataKey
let context = Array("document 42".utf8)
let dataKey = try await client.generateDataKey(name, context: context)
// Encrypt with dataKey.plaintext, forget it, and keep dataKey.ciphertext beside the data. Later:
let plaintext = try await client.decrypt(name, ciphertext: dataKey.ciphertext, context: context)
print("the data key came back: \(plaintext == dataKey.plaintext)")
// snippet.end

// snippet.list
for try await name in client.listKeys(prefix: "") {
    print("key \(name)")
}
// snippet.end

// snippet.log
let log = try await client.log(.audit)
let following = Task {
    for try await line in log {
        if let event = AuditEvent(line), event.path == "/version" { return event.status }
    }
    return 0
}
_ = try await client.version()
print("the audit log says: \(try await following.value)")
// snippet.end

await client.shutdown()
