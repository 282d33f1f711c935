import Foundation
import KESClient

/// A server that treats every change in one way, answers every read with an error, and tells which requests it got.
final class ScriptedServer: Sendable {
    enum Reaction: Sendable, Equatable {
        /// The connection is closed.
        case hangUp
        /// Nothing comes.
        case silence
        /// An error with this status.
        case answer(Int)
    }

    var endpoint: Endpoint { server.endpoint }
    private let reaction: Reaction
    private let server: TLSServer

    init(_ reaction: Reaction) throws {
        self.reaction = reaction
        server = try TLSServer(.server(), answering: false, arguments: ["-alpn", "http/1.1"])
    }

    /// Serves until the first read, and gives method and path of the changes that came before it.
    func changesUntilRead() async -> [String] {
        await withCheckedContinuation { continuation in
            // A thread of its own, because it waits.
            Thread { [self] in continuation.resume(returning: serve()) }.start()
        }
    }

    private func serve() -> [String] {
        var (changes, text): ([String], String) = ([], "")
        while case let bytes = server.process.readOutput(), !bytes.isEmpty {
            text += String(decoding: bytes, as: UTF8.self)
            // What the server says of its connections stands in between.
            while let head = text.firstMatch(of: /(GET|PUT|DELETE) (\S+) HTTP\/1\.1\r\n(?s:.*?)\r\n\r\n/) {
                let (method, path) = (String(head.output.1), String(head.output.2))
                text.removeSubrange(..<head.range.upperBound)
                if method == "GET" {
                    answer(409)
                    return changes
                }
                changes.append("\(method) \(path)")
                switch reaction {
                // A command to `s_server`, which sends other lines to the client.
                case .hangUp: server.process.write(Array("q\n".utf8))
                case .silence: break
                case .answer(let status): answer(status)
                }
            }
        }
        return changes
    }

    private func answer(_ status: Int) {
        let body = #"{"message":"scripted"}"#
        server.process.write(Array("HTTP/1.1 \(status) Scripted\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
    }
}
