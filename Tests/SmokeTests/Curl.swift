import TestSupport
import Testing

enum HTTPVersion: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case http1 = "1.1"
    case http2 = "2"

    var testDescription: String { "HTTP/\(rawValue)" }
    fileprivate var flag: String { self == .http1 ? "--http1.1" : "--http2" }
}

/// An answer as curl saw it. The status is 0 when there was none.
struct Reply: Equatable {
    var status: Int
    var body = ""
}

extension ServerProcess {
    /// Calls the server with curl and expects it to speak `version`.
    func call(
        _ method: String, _ path: String, _ body: String? = nil, as client: Deployment.Client?, over version: HTTPVersion
    ) throws -> Reply {
        var arguments = [version.flag, "--request", method]
        if let body { arguments += ["--data-binary", body, "--header", "Content-Type: application/json"] }
        let result = try curl(path, as: client, arguments)
        if result.status != 0 { #expect(result.version == version.rawValue) }
        return Reply(status: result.status, body: result.body)
    }
}

/// The text of a string member of a flat JSON object whose values need no escapes.
func member(_ name: String, of json: String) throws -> String {
    let start = try #require(json.firstRange(of: "\"\(name)\":\"")).upperBound
    return String(json[start...].prefix { $0 != "\"" })
}
