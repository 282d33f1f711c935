import Glibc
import TestSupport
import Testing

/// What a service manager is told (sd_notify(3)).
@Suite struct ServiceManagerTests {
    private let deployment: Deployment

    init() throws {
        deployment = try Deployment()
        try deployment.configure(keystore: "mem: {}")
    }

    @Test("It is told when the server serves, by a path and by a name in the abstract namespace", arguments: [false, true])
    func ready(isAbstract: Bool) throws {
        let name =
            isAbstract ? "@kes-\(getpid())-\(deployment.admin.identity)".prefix(60) : deployment.directory.file("notify")[...]
        let listening = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(listening) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
        if isAbstract { address.sun_path.0 = 0 }
        let length = 2 + name.utf8.count + (isAbstract ? 0 : 1)
        // `sockaddr_un` is a `sockaddr` of the family AF_UNIX.
        let bound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listening, $0, socklen_t(length)) }
        }
        try #require(bound == 0)
        // What never comes must not stop the tests for ever.
        var limit = timeval(tv_sec: 300, tv_usec: 0)
        #expect(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size)) == 0)
        let server = try ServerProcess(deployment, environment: ["NOTIFY_SOCKET": String(name)])
        var message = [UInt8](repeating: 0, count: 100)
        let count = recv(listening, &message, message.count, 0)
        #expect(String(decoding: message.prefix(max(count, 0)), as: UTF8.self) == "READY=1")
        #expect(try server.curl("/v1/ready", as: deployment.admin).status == 200)
        #expect(server.stop() == 0)
    }

    @Test("When it cannot be told, the error log says so", arguments: ["/nowhere/notify", String(repeating: "n", count: 200)])
    func notTold(address: String) throws {
        let server = try ServerProcess(deployment, environment: ["NOTIFY_SOCKET": address])
        #expect(try server.errorLine(containing: "NOTIFY_SOCKET").contains(" ERROR "))
        #expect(try server.curl("/v1/ready", as: deployment.admin).status == 200)
        #expect(server.stop() == 0)
    }
}
