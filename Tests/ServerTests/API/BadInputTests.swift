import Glibc
import TestSupport
import Testing

/// Bad input gets a clear answer, and hurts nobody.
@Suite struct BadInputTests {
    private let server: ServerProcess

    init() throws {
        let deployment = try Deployment()
        // Short limits on one route, so that a request that stalls is cut off soon.
        try deployment.configure(keystore: "mem: {}", more: "api: { /v1/key/hmac/: { timeout: 1s } }")
        server = try ServerProcess(deployment)
    }

    private var admin: Deployment.Client { server.deployment.admin }

    private func expectAlive() throws {
        #expect(try server.curl("/version", as: admin).status == 200)
    }

    @Test(arguments: [
        "\r\n\r\n\u{1}\u{2}\u{3}\r\n\r\n", "GET\r\n\r\n",
        "GET /version HTTP/1.1\r\nBad Name: x\r\n\r\n",
        "GET /version HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", "GET /version\u{0} HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /v1/key/create/a HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "PUT /v1/key/create/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "PUT /v1/key/create/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "PUT /v1/key/generate/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}", "NONSENSE /version HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /version HTTP/1.1\r\n\r\n", "GET /version HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET /version HTTP/1.1\n\n",
        "GET /version HTTP/1.0\r\nhost: a\r\nHOST: b\r\n\r\n",
    ])
    func malformedHTTPIsABadRequest(request: String) throws {
        let answer = try sendRaw(request, to: server, as: admin)
        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(200))")
        #expect(answer.contains("{\"message\":"))
        try expectAlive()
    }

    /// Its bytes are not what the body says (RFC 9112, section 6.1).
    @Test(arguments: ["gzip, chunked", "chunked, chunked", "identity, chunked", "chunked\r\ntransfer-encoding: chunked"])
    func anotherTransferCodingIsNotImplemented(coding: String) throws {
        let request = "PUT /v1/key/create/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \(coding)\r\n\r\n0\r\n\r\n"
        let answer = try sendRaw(request, to: server, as: admin)
        // The parser itself refuses what repeats the framing.
        #expect(answer.hasPrefix("HTTP/1.1 501 ") || answer.hasPrefix("HTTP/1.1 400 "), "\(answer.prefix(200))")
        let plain = "PUT /v1/key/create/a HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
        #expect(try sendRaw(plain, to: server, as: admin).hasPrefix("HTTP/1.1 200 "))
    }

    @Test func malformedHTTP2EndsTheConnection() throws {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        // A SETTINGS frame of 5 bytes, which RFC 9113, section 6.5, forbids; a frame of 16 MB; bytes that are no preface.
        for garbage in [
            preface + [0, 0, 5, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5], preface + [255, 255, 255, 0, 0, 0, 0, 0, 1], [1, 2, 3, 4],
        ] {
            let padding = [UInt8](repeating: 0xff, count: 64)
            let answer = try sendRaw(garbage + padding, to: server, as: admin, applicationProtocol: "h2")
            // GOAWAY (type 7) or nothing, and the end of the connection, which sendRaw waits for.
            #expect(answer.isEmpty || answer.count >= 9)
        }
        try expectAlive()
    }

    @Test(arguments: ["--http1.1", "--http2"])
    func bodiesThatAreNotTheExpectedJSONAreRefused(flag: String) throws {
        _ = try server.curl("/v1/key/create/json\(flag.suffix(1))", as: admin, [flag, "-X", "PUT"])
        let bodies: [[UInt8]] = [
            [UInt8](repeating: UInt8(ascii: "["), count: 1 << 20), Array("{".utf8), Array("nonsense".utf8), Array("[]".utf8),
            Array(#"{"context":1}"#.utf8), Array(#"{"context":"not base64"}"#.utf8), Array(#"{"context":""} trailing"#.utf8),
            Array(#"{"context":"\ud800"}"#.utf8), [0xff, 0xfe], Array(#"{"context":"AA==""#.utf8),
        ]
        for body in bodies {
            let answer = try server.curl(
                "/v1/key/generate/json\(flag.suffix(1))", as: admin, [flag, "-X", "PUT", "--data-binary", "@-"], input: body)
            #expect(answer.status == 400, "\(body.prefix(20))")
            #expect(answer.body == #"{"message":"invalid request body"}"#)
        }
    }

    @Test func everyForbiddenCharacterInANameIsRefused() throws {
        let allowed = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_".utf8)
        let forbidden = (0...255).map { UInt8($0) }.filter { !allowed.contains($0) }
        var config = ""
        for byte in forbidden {
            let digits = String(byte, radix: 16)
            config += "url = \"\(server.endpoint)/v1/key/create/a%\(digits.count < 2 ? "0" : "")\(digits)b\"\n"
        }
        for name in ["-a", "a-", "_", String(repeating: "a", count: 81)] {
            config += "url = \"\(server.endpoint)/v1/key/create/\(name)\"\n"
        }
        config += "request = PUT\noutput = /dev/null\n"
        let answers = try server.curlConfiguration(config, as: admin)
        #expect(answers.count == forbidden.count + 4)
        // An encoded slash makes a path that names nothing.
        #expect(answers.filter { $0 != 400 } == [404], "\(answers)")
        let names = try server.curl("/v1/key/list/", as: admin)
        #expect(names.body == #"{"names":[]}"#)
        let message = try server.curl("/v1/key/create/a.b", as: admin, ["-X", "PUT"])
        #expect(message.status == 400)
        #expect(message.body == #"{"message":"key name 'a.b' is empty, too long or contains invalid characters"}"#)
    }

    @Test(arguments: [
        ("/v1/key/create/../create/x", 404), ("/v1/key/create/%2e%2e/x", 404), ("/v1/key/create//x", 404),
        ("/v1/key/create/a%2fb", 404), ("//v1/key/create/x", 404), ("/v1/key/create/x/", 404), ("/v1/key/create/x/y", 404),
        ("/v1/key/create", 404), ("/v1/key/create/", 400), ("/v1/key/create/%00", 400), ("/v1/key/create/%zz", 400),
        ("/v1/key/create/%c3%28", 400),
    ])
    func pathsThatNameNoResourceReachNone(path: String, status: Int) throws {
        for flag in ["--http1.1", "--http2"] {
            #expect(try server.curl(path, as: admin, [flag, "--path-as-is", "-X", "PUT"]).status == status)
        }
        #expect(try server.curl("/v1/key/list/", as: admin).body == #"{"names":[]}"#)
    }

    @Test func aBodyThatIsCutOffIsAuditedAsABadRequest() throws {
        let process = try Subprocess(
            "openssl",
            [
                "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", "http/1.1", "-cert", admin.certificate, "-key",
                admin.key,
                "-quiet", "-no_ign_eof",
            ])
        let head = "PUT /v1/key/generate/cut HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"
        process.write(Array(head.utf8))
        // The client has read all that the server sent: closing now sends what was written, and no reset that would discard it.
        #expect(String(decoding: process.readOutput(), as: UTF8.self).hasPrefix("HTTP/1.1 100 "))
        process.write(Array("{\"cont".utf8))
        process.closeInput()
        _ = process.collect()
        process.wait()
        #expect(try server.auditEvent(containing: "/v1/key/generate/cut").contains("\"code\":400"))
        try expectAlive()
    }

    @Test func aBodyThatStallsIsAnsweredAtTheDeadline() throws {
        let request = "PUT /v1/key/hmac/stall HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{\"mess"
        #expect(try sendRaw(request, to: server, as: admin).hasPrefix("HTTP/1.1 504 "))
        try expectAlive()
    }

    @Test func aHeadThatStallsIsCutOff() throws {
        #expect(try sendRaw("GET /version HTTP/1.1\r\nHost:", to: server, as: admin).hasPrefix("HTTP/1.1 408 "))
        try expectAlive()
    }

    @Test func aClientThatSaysNothingIsCutOff() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(server.port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(connected == 0)
        // The server hangs up: what is read is the end.
        var byte: UInt8 = 0
        #expect(read(descriptor, &byte, 1) == 0)
        try expectAlive()
    }
}
