import Credentials
import Logging
import NIOCore

/// The way of a request through the server, the same for every protocol: route, method, identity, policy, limits, handler, audit.
///
/// One for each event loop, and confined to it.
final class RequestPipeline {
    /// The snapshot in force. Replaced as a whole by a reload.
    var api: API
    let eventLoop: any EventLoop
    /// What the loop counts.
    var figures = LoopFigures()
    let audit: AuditCollector
    let certificates = CertificateMemory()
    /// Who vouches for clients now.
    var trust = ClientTrust(store: nil, serial: -1)

    init(api: API, eventLoop: any EventLoop) {
        self.api = api
        self.eventLoop = eventLoop
        audit = AuditCollector(eventLoop: eventLoop)
    }

    /// Decides from the head of a request whether its body is worth reading.
    func begin(_ head: RequestHead, on connection: Connection) -> Exchange {
        let exchange = Exchange(head, from: connection.address, .rejected(Self.undecided))
        let admission = admit(head, on: connection, exchange: exchange)
        // What is refused is refused anew each time, with its line in the log. A proxy's next request may be another client's.
        var isRepeatable = false
        if case .accepted = admission { isRepeatable = !ForwardedClient.isProxy(connection, api.configuration.tls.proxies) }
        exchange.decide(admission, under: api.serial, isRepeatable: isRepeatable)
        return exchange
    }

    /// Clients repeat themselves: a request that says what `last`, an earlier one on the same connection, said is accepted as that was.
    ///
    /// - Returns: nil when it is to be decided anew.
    func begin(again last: inout Exchange?) -> Exchange? {
        guard var known = last.take() else { return nil }
        let exchange = Exchange.again(&known, under: api.serial)
        if exchange != nil { last = known }
        return exchange
    }

    /// An exchange for a request whose head is not proper HTTP, so that it is answered and audited like any other.
    func reject(_ response: Response, target: String, on connection: Connection) -> Exchange {
        let exchange = Exchange(RequestHead(target: target), from: connection.address, .rejected(response))
        if case .identified(let identity) = connection.client { exchange.identity = identity }
        return exchange
    }

    private static let undecided = Response.empty(500)
    private static var noSuchPath: Response { .error(404, "no API is served at this path") }

    /// Answers a request whose body is there, whole and within its limit.
    func respond(to exchange: Exchange, body: ByteBuffer) -> Outcome {
        switch exchange.admission {
        case .rejected(let response):
            return .ready(response)
        case .accepted(let route):
            // A right that was taken away while the body came is not used any more.
            if exchange.snapshot != api.serial, let refusal = reauthorize(exchange) { return .ready(refusal) }
            let start = exchange.path.utf8.index(exchange.path.startIndex, offsetBy: exchange.argumentOffset)
            let request = Request(
                argument: exchange.path[start...], body: body,
                caller: exchange.identity.map { Caller(identity: $0, isAdmin: exchange.isAdmin) },
                deadline: exchange.deadline, eventLoop: eventLoop)
            switch route.handler(request, api) {
            case .ready(let response): return .ready(response)
            case .following(let log): return .following(log)
            case .pending(let future): return .pending(limit(future, to: exchange.deadline))
            }
        }
    }

    /// Records an answer that is about to be sent, and returns when that was.
    @discardableResult
    func record(_ exchange: Exchange, status: Int) -> NIODeadline {
        let now = NIODeadline.now()
        let duration = now - exchange.start
        figures.record(row: exchange.row, status: status, nanoseconds: duration.nanoseconds)
        figures.auditEvents &+= 1
        audit.record(exchange, status: status, duration: duration, in: api.audit)
        return now
    }

    private func admit(_ head: RequestHead, on connection: Connection, exchange: Exchange) -> Exchange.Admission {
        let client = ForwardedClient.resolve(
            head, on: connection, proxies: api.configuration.tls.proxies, certificates, trust.store)
        exchange.address = client.address
        exchange.proxy = client.proxy
        exchange.forwarded = client.certificate
        if case .identified(let identity) = client.client {
            exchange.identity = identity
            exchange.isAdmin = identity == api.accessControl.admin
        }

        var path: String
        do throws(RequestPathRejection) {
            path = try RequestPath.decode(head.target)
        } catch {
            return .rejected(.error(error == .namesNothing ? 404 : 400, error.message))
        }
        var found = api.routes.find(path)
        // Clients that put an empty pattern into the path of a list may lose its final slash, which KES makes good by a redirection.
        if found == nil, let list = api.routes.find(path + "/"), list.route.method == .get {
            found = list
            path += "/"
        }
        exchange.path = path
        guard let (route, argumentOffset) = found else { return .rejected(Self.noSuchPath) }
        exchange.argumentOffset = argumentOffset
        exchange.row = route.row
        exchange.deadline = route.timeout.map { exchange.start + $0 }

        guard route.method.accepts(head.method) else {
            var response = Response.error(
                405, "received method '\(head.method)' expected '\(route.method.rawValue)'")
            // `Accept` is what old clients look for; `Allow` is what RFC 9110, section 15.5.6, demands.
            response.headers = [("accept", route.method.rawValue), ("allow", route.method.allowed)]
            return .rejected(response)
        }
        if let refusal = authorize(client.client, route, path: path, address: client.address) {
            if let problem = client.problem, let proxy = client.proxy {
                let header = api.configuration.tls.forwardedCertificateHeader
                let reason = client.refusal.map { ": \($0)" } ?? ""
                api.logger.info(
                    "request refused: the TLS proxy \(problem) in '\(header)'\(reason)", metadata: ["identity": "\(proxy)"])
            }
            return .rejected(refusal)
        }
        if let length = head.contentLength, length > route.maxBody {
            return .rejected(.bodyTooLarge(limit: route.maxBody))
        }
        return .accepted(route)
    }

    /// Decides again by the rules in force what was decided from the head by those before them.
    private func reauthorize(_ exchange: Exchange) -> Response? {
        let isForwardedRefused = exchange.forwarded.map { trust.store?.refusal(ofForwarded: $0) != nil } ?? false
        if !api.believes(exchange.proxy) || isForwardedRefused { exchange.identity = nil }
        exchange.isAdmin = exchange.identity.map { $0 == api.accessControl.admin } ?? false
        guard let (route, _) = api.routes.find(exchange.path) else { return Self.noSuchPath }
        return authorize(
            exchange.identity.map { .identified($0) } ?? .withoutCertificate, route, path: exchange.path,
            address: exchange.address)
    }

    private func authorize(_ client: Connection.Client, _ route: Route, path: String, address: String) -> Response? {
        if case .anyone = route.access { return nil }
        let identity: Identity
        switch client {
        case .withoutCertificate: return .error(400, "tls: client certificate is required")
        case .authority(let subject):
            api.logger.info(
                """
                request refused: the client's certificate '\(subject)' is an authority's (CA:TRUE), which is nobody's identity; make one with \
                -addext basicConstraints=critical,CA:FALSE or 'kes identity new'
                """, metadata: ["path": "\(APIKey.masked(in: path))", "ip": "\(address)"])
            return .error(400, "tls: client certificate is required")
        case .ambiguous: return .error(400, "tls: received more than one client certificate")
        case .identified(let found): identity = found
        }
        if case .anyIdentity = route.access { return nil }
        switch api.accessControl.decide(identity, path: path) {
        case .admin, .allowed:
            return nil
        case .denied(let reason):
            let shown = APIKey.masked(in: path)
            api.logger.info("request refused: \(reason)", metadata: ["path": "\(shown)", "identity": "\(identity)"])
            return .error(403, "not authorized: insufficient permissions")
        }
    }

    /// Answers 504 when `future` is not there in time. A late result is dropped.
    ///
    /// The keystore's calls have the same deadline and a better message: this is for when they do not keep it.
    private func limit(_ future: EventLoopFuture<Response>, to deadline: NIODeadline?) -> EventLoopFuture<Response> {
        guard let deadline else { return future }
        let promise = eventLoop.makePromise(of: Response.self)
        var isOpen = true
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: deadline + .milliseconds(500)) {
            guard isOpen else { return }
            isOpen = false
            promise.assumeIsolated().succeed(.error(504, "the request took too long"))
        }
        future.assumeIsolated().whenComplete { result in
            guard isOpen else { return }
            isOpen = false
            timer.cancel()
            promise.assumeIsolated().completeWith(result)
        }
        return promise.futureResult
    }
}
