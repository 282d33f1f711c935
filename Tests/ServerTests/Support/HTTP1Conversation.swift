import TestSupport

/// A connection that stays open, on which a test says what it likes and reads each answer.
final class HTTP1Conversation {
    struct Answer {
        var status: Int
        var body: String
    }

    /// The connection ended, or what came is no answer.
    struct NoAnswer: Error {
        var arrived: String
    }

    private let connection: RawTLSClient
    private var arrived: [UInt8] = []

    init(with server: ServerProcess, as client: Deployment.Client) throws {
        connection = try RawTLSClient(port: server.port, as: client)
    }

    func write(_ bytes: [UInt8]) {
        connection.send(bytes)
    }

    func ask(_ request: [UInt8]) throws -> Answer {
        write(request)
        return try read()
    }

    func ask(_ request: String) throws -> Answer { try ask(Array(request.utf8)) }

    /// The next answer, whose body is as long as its `Content-Length` says. An interim one (RFC 9110, section 15.2) has none.
    func read() throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let headEnd = arrived.indices.first(where: { arrived[$0...].starts(with: end) }) {
                let head = String(decoding: arrived[..<headEnd], as: UTF8.self)
                let lines = head.split(separator: "\r\n")
                let field = lines.first { $0.lowercased().hasPrefix("content-length:") }
                guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }),
                    let length = status < 200 ? 0 : field?.split(separator: " ").last.flatMap({ Int($0) })
                else { throw NoAnswer(arrived: head) }
                let bodyStart = headEnd + end.count
                if arrived.count >= bodyStart + length {
                    let body = String(decoding: arrived[bodyStart..<(bodyStart + length)], as: UTF8.self)
                    arrived.removeFirst(bodyStart + length)
                    return Answer(status: status, body: body)
                }
            }
            let more = connection.read()
            guard !more.isEmpty else { throw NoAnswer(arrived: String(decoding: arrived, as: UTF8.self)) }
            arrived += more
        }
    }
}
