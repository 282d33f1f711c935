import Glibc
import TestSupport
import Testing

/// docs/production.md, taken at its word as far as a test can without being root.
@Suite struct ProductionPageTests {
    private let page: Page
    private let deployment: Deployment

    init() throws {
        page = try Page("docs/production.md")
        deployment = try Deployment()
    }

    @Test func renewingTheCertificateKeepsItsKindItsNamesAndItsPermissions() throws {
        let block = try #require(page.blocks(in: "").first { $0.contains("kes init /etc/kes/new") })
        let place = deployment.directory.file("etc-kes")
        let script = "PATH=\"\(buildDirectory()):$PATH\"\n" + block.replacing("/etc/kes", with: place)
        #expect(try run(kesPath(), ["init", place, "--dns", "kes.example.com"]).code == 0)
        // As the page has it for a service.
        #expect(chmod("\(place)/server.key", 0o640) == 0)
        func names() throws -> String {
            try run("openssl", ["x509", "-in", "\(place)/server.crt", "-noout", "-ext", "subjectAltName"]).text
        }
        func kind() throws -> String { try run("openssl", ["pkey", "-in", "\(place)/server.key", "-noout", "-text"]).text }
        let (oldNames, oldCertificate) = (try names(), try readFile("\(place)/server.crt"))
        #expect(try kind().contains("prime256v1"))
        try deployment.configure(keystore: "mem: {}")
        let configuration = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        try deployment.directory.write(
            configuration.replacing(deployment.serverKey, with: "\(place)/server.key").replacing(
                deployment.serverCertificate, with: "\(place)/server.crt"), to: "config.yml")
        let server = try ServerProcess(deployment)

        let renewed = try run("bash", ["-eu"], input: Array(script.utf8))
        #expect(renewed.code == 0, "\(renewed.errorText)")
        try server.errorLine(containing: "the TLS files have changed and were read again")
        #expect(server.stop() == 0)
        #expect(try readFile("\(place)/server.crt") != oldCertificate)
        #expect(try names() == oldNames && oldNames.contains("DNS:kes.example.com"))
        #expect(try kind().contains("prime256v1"))
        var status = stat()
        #expect(stat("\(place)/server.key", &status) == 0 && status.st_mode & 0o777 == 0o640)
        #expect(access("\(place)/new", F_OK) != 0)
    }

    @Test(.enabled(if: isInstalled("haproxy"), "haproxy is not installed"))
    func aBalancerThatPassesTLSThrough() throws {
        try deployment.configure(keystore: "mem: {}", more: try #require(page.blocks(in: "yaml").first { $0.hasPrefix("api:") }))
        let server = try ServerProcess(deployment)
        let block = try #require(page.blocks(in: "haproxy").first)
        #expect(block.contains("bind :7373") && block.contains("kes-a.example.com:7373"))
        let socket = deployment.directory.file("balancer")
        let configuration = try deployment.directory.write(
            block.replacing("bind :7373", with: "bind unix@\(socket)").replacing(
                "/etc/haproxy/kes.crt", with: deployment.serverCertificate
            ).replacing(/kes-[ab]\.example\.com:7373/, with: "127.0.0.1:\(server.port)"), to: "haproxy.cfg")
        let started = try run("haproxy", ["-D", "-f", configuration, "-p", deployment.directory.file("balancer.pid")])
        try #require(started.code == 0, "\(started.errorText)")
        defer { end("balancer.pid") }

        // Its health check, which has no certificate.
        let check = try server.auditEvent(containing: "/v1/ready")
        #expect(check.contains(#""code":200"#) && !check.contains("identity"), "\(check)")
        let seen = try server.curl("/v1/identity/self/describe", as: deployment.user, ["--unix-socket", socket])
        #expect(seen.status == 200 && seen.body.contains(deployment.user.identity.description), "\(seen)")
        #expect(server.stop() == 0)
    }

    @Test(.enabled(if: isInstalled("nginx"), "nginx is not installed"))
    func aProxyThatEndsTLSTellsWhoTheClientIs() throws {
        let proxy = try Deployment.makeClient("proxy", in: deployment.directory)
        try deployment.configure(keystore: "mem: {}")
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        try deployment.directory.write(
            text.replacing("tls: { ", with: "tls: { proxy: { identities: [ \(proxy.identity) ] }, "), to: "config.yml")
        let server = try ServerProcess(deployment)
        let block = try #require(page.blocks(in: "nginx").first)
        #expect(block.contains("listen 443 ssl") && block.contains("https://kes.example.com:7373"))
        let socket = deployment.directory.file("proxy")
        var site = block.replacing("listen 443 ssl", with: "listen unix:\(socket) ssl")
        for (path, file) in [
            ("proxy.crt", deployment.serverCertificate), ("proxy.key", deployment.serverKey),
            ("identity.crt", proxy.certificate), ("identity.key", proxy.key), ("server.crt", deployment.serverCertificate),
        ] { site = site.replacing("/etc/nginx/kes/\(path);", with: "\(file);") }
        site = site.replacing("kes.example.com:7373", with: "localhost:\(server.port)")
        // Where Debian's package has them, only root may write.
        let places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(deployment.directory.file($0 + "-temp"));"
        }
        let configuration = try deployment.directory.write(
            """
            pid \(deployment.directory.file("nginx.pid"));
            error_log \(deployment.directory.file("nginx.log"));
            events {}
            http {
            access_log off;
            \(places.joined(separator: "\n"))
            \(site)
            }
            """, to: "nginx.conf")
        let started = try run("nginx", ["-e", deployment.directory.file("nginx.log"), "-c", configuration])
        try #require(started.code == 0, "\(started.errorText)")
        defer { end("nginx.pid") }

        for client in [deployment.user, deployment.admin] {
            let seen = try server.curl("/v1/identity/self/describe", as: client, ["--unix-socket", socket])
            #expect(seen.status == 200 && seen.body.contains(client.identity.description), "\(seen)")
        }
        // What a client claims to be does not count, with a certificate of its own and without.
        let claim = "X-Tls-Client-Cert: \(try escaped(deployment.admin.certificate))"
        for (client, status) in [(deployment.stranger, 403), (nil, 400)] as [(Deployment.Client?, Int)] {
            #expect(try server.curl("/v1/status", as: client, ["--unix-socket", socket, "-H", claim]).status == status)
        }
        #expect(server.stop() == 0)
    }

    /// As a URL has it.
    private func escaped(_ file: String) throws -> String {
        try readFile(file).map { byte in
            let digits = String(byte, radix: 16)
            return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
    }

    /// Ends the process of which a file holds the number.
    private func end(_ file: String) {
        guard let text = try? readFile(deployment.directory.file(file)),
            let pid = pid_t(String(decoding: text, as: UTF8.self).filter(\.isNumber))
        else { return }
        kill(pid, SIGTERM)
    }
}
