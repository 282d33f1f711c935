import Host
import Testing

/// The parser says the same of the same bytes, in whatever pieces they arrive.
@Suite struct HTTP1ParserTests {
    private enum Event: Equatable {
        case head(RequestHead, keepAlive: Bool, expectsContinue: Bool, knowsChunked: Bool, prefersGzip: Bool)
        case body([UInt8])
        case end
        case problem(HTTP1Parser.Problem)
    }

    /// Writes down what the parser tells, pieces of a body joined.
    private final class Listener: HTTP1ParserDelegate {
        var events: [Event] = []

        func headArrived(_ head: HTTP1Head) {
            events.append(
                .head(
                    head.request, keepAlive: head.keepAlive, expectsContinue: head.expectsContinue,
                    knowsChunked: head.knowsChunked, prefersGzip: head.codings.prefersGzip))
        }

        func bodyArrived(_ piece: UnsafeRawBufferPointer) {
            if case .body(let before) = events.last {
                events[events.count - 1] = .body(before + piece)
            } else {
                events.append(.body(Array(piece)))
            }
        }

        func requestEnded() { events.append(.end) }
    }

    private func events(_ pieces: [ArraySlice<UInt8>], forwarded: String? = nil, limit: Int = 16 * 1024) -> [Event] {
        let listener = Listener()
        let parser = HTTP1Parser(headLimit: limit)
        parser.forwardedCertificateHeader = forwarded
        do throws(HTTP1Parser.Problem) {
            for piece in pieces {
                // `ArraySlice` lends its bytes with untyped errors.
                let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
                defer { bytes.deallocate() }
                bytes.copyBytes(from: piece)
                var used = 0
                while used < bytes.count {
                    let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                    used += try parser.parse(rest, telling: listener)
                }
            }
        } catch {
            listener.events.append(.problem(error))
        }
        return listener.events
    }

    private func events(_ text: String, forwarded: String? = nil, limit: Int = 16 * 1024) -> [Event] {
        events([Array(text.utf8)[...]], forwarded: forwarded, limit: limit)
    }

    private func head(
        _ method: String, _ target: String, length: Int? = nil, keepAlive: Bool = true, expectsContinue: Bool = false,
        knowsChunked: Bool = true, prefersGzip: Bool = false
    ) -> Event {
        var head = RequestHead(method: method, target: target)
        head.contentLength = length
        return .head(
            head, keepAlive: keepAlive, expectsContinue: expectsContinue, knowsChunked: knowsChunked, prefersGzip: prefersGzip)
    }

    private static let requests = [
        "GET /version HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT /v1/key/generate/k HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
        "PUT /v1/key/a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nHost: a\r\n\r\nDELETE /c HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "PUT /x HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n!",
        "GET /x HTTP/1.1\r\nX-Tls-Client-Cert: one\r\nX-Forwarded-For: 1.2.3.4\r\nx-tls-client-cert: two\r\nExpectation: no\r\n\r\n",
        "PATCH /?a=b#c HTTP/1.1\r\nConnection: close\r\nE: \r\nEx: 1\r\n\r\n",
        "PUT /x HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /x HTTP/2.0\r\n\r\n", "GET /x HTTP/0.9\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nA: b\n\n",
        "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nrest",
        "GET / HTTP/1.1\r\nAccept: */*\r\nAccept-Encoding: br\r\nACCEPT-ENCODING: gzip;q=0.5\r\n\r\nGET / HTTP/1.1\r\nA: gzip\r\n\r\n",
    ]

    @Test func requestsAreWhatTheyAre() {
        #expect(events(Self.requests[0]) == [head("GET", "/version"), .end])
        #expect(
            events(Self.requests[2])
                == [
                    head("PUT", "/v1/key/a", length: 2), .body(Array("{}".utf8)), .end, head("GET", "/b"), .end,
                    head("DELETE", "/c"),
                    .end,
                ])
        #expect(
            events(Self.requests[3])
                == [
                    head("POST", "/x"), .body(Array("abcde".utf8)), .end, head("GET", "/", keepAlive: false, knowsChunked: false),
                    .end,
                ])
        #expect(events(Self.requests[4]).first == head("PUT", "/x", length: 1, expectsContinue: true))
        #expect(events(Self.requests[6]) == [head("PATCH", "/?a=b#c", keepAlive: false), .end])
        #expect(events(Self.requests[12]).first == head("GET", "/", keepAlive: false))
        #expect(events(Self.requests[13]) == [head("GET", "/", prefersGzip: true), .end, head("GET", "/"), .end])
        // RFC 9112, section 6.1: faulty framing, after which the connection is closed.
        let faulty = events("GET / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        #expect(faulty == [head("GET", "/", keepAlive: false, knowsChunked: false), .end])
    }

    @Test func aClientOfHTTP10IsNotToldToContinue() {
        let request = "PUT /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!"
        #expect(events(request).first == head("PUT", "/x", length: 1, keepAlive: false, knowsChunked: false))
    }

    @Test func whatIsNoRequestIsAProblem() {
        // Two lengths are how requests are smuggled past a proxy (RFC 9112, section 6.1).
        #expect(events(Self.requests[7]) == [.problem(.malformed)])
        #expect(events(Self.requests[8]) == [.problem(.unsupportedVersion)])
        #expect(events(Self.requests[9]) == [.problem(.unsupportedVersion)])
        #expect(events(Self.requests[10]) == [.problem(.malformed)])
        #expect(events(Self.requests[11]) == [.problem(.malformed)])
    }

    @Test func forwardedHeadersAreReadOnlyWhereTheyAreBelieved() {
        guard case .head(let ignored, _, _, _, _) = events(Self.requests[5]).first else {
            Issue.record("no head")
            return
        }
        #expect(ignored.forwardedCertificate == nil && ignored.forwardedFor == nil)
        let proxied = events(Self.requests[5], forwarded: "x-tls-client-cert")
        guard case .head(let believed, _, let expectsContinue, _, _) = proxied.first else {
            Issue.record("no head")
            return
        }
        #expect(believed.forwardedCertificate == "" && believed.forwardedFor == "1.2.3.4" && !expectsContinue)
    }

    @Test func fieldsBehindABodyAreOfNoHead() {
        let chunked = "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Cert: ONE\r\n\r\n"
        var next = RequestHead(method: "GET", target: "/b")
        next.forwardedCertificate = "TWO"
        #expect(
            events(chunked + "GET /b HTTP/1.1\r\nX-Cert: TWO\r\nHost: h\r\n\r\n", forwarded: "x-cert") == [
                head("PUT", "/a"), .body([0x78]), .end,
                .head(next, keepAlive: true, expectsContinue: false, knowsChunked: true, prefersGzip: false), .end,
            ])
    }

    @Test func theLimitOfAHeadIsExact() {
        let request = "GET /target HTTP/1.1\r\nName: value\r\nOther: 12\r\n\r\n"
        // Target, names and values; what is between them is not counted.
        let size = "/targetNamevalueOther12".utf8.count
        #expect(events(request, limit: size) == [head("GET", "/target"), .end])
        #expect(events(request, limit: size - 1) == [.problem(.headTooLarge)])
    }

    @Test(arguments: requests) func everyDivisionGivesTheSame(request: String) {
        let bytes = Array(request.utf8)
        let whole = events([bytes[...]], forwarded: "x-tls-client-cert")
        for cut in 1..<bytes.count {
            #expect(events([bytes[..<cut], bytes[cut...]], forwarded: "x-tls-client-cert") == whole)
        }
        #expect(events(bytes.indices.map { bytes[$0...$0] }, forwarded: "x-tls-client-cert") == whole)
    }

    @Test func damagedRequestsGiveTheSameInAnyPieces() {
        var generator = SeededGenerator(state: 1)
        for _ in 0..<20_000 {
            var bytes = Array(Self.requests.randomElement(using: &generator).unsafelyUnwrapped.utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
                default: bytes.removeSubrange(place..<min(bytes.count - 1, place + 3))
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            #expect(events([bytes[...]], limit: 90) == events([bytes[..<cut], bytes[cut...]], limit: 90))
        }
    }
}

/// The same numbers in every run: SplitMix64 (Steele, Lea and Flood, 2014).
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
