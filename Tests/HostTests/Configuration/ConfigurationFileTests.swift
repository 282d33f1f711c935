import Credentials
import Host
import Testing

@Suite("Configuration files that start a server")
struct ConfigurationFileTests {
    @Test("A file with every member gives all of it")
    func everything() throws {
        let configuration = try parse(
            """
            version: v1
            address: 127.0.0.1:7443
            admin:
              identity: \(adminIdentity)
            tls:
              key: server.key
              cert: server.crt
              password: "correct horse"
              auth: on
              ca: /etc/kes/ca
              proxy:
                identities: [ \(otherIdentity) ]
                header: { cert: X-Forwarded-Cert }
            policy:
              my-app:
                allow: [ /v1/key/create/my-app*, /v1/key/generate/my-app* ]
                deny:  [ /v1/key/generate/my-app-internal* ]
                identities: [ "${MY_APP_IDENTITY}" ]
              monitoring:
                allow:
                - /v1/metrics
            cache:
              expiry: { any: 5m30s, unused: 20s, offline: 1h }
            api:
              /v1/ready: { skip_auth: true, timeout: 15s }
              /v1/key/create: { timeout: 0s }
            log: { error: WARN, audit: off }
            keys: [ { name: my-key }, { name: my-key-2 } ]
            keystore:
              fs: { path: /var/lib/kes/keys }
            plugins: { directory: /opt/kes/plugins.d }
            """, environment: ["MY_APP_IDENTITY": appIdentity])
        #expect(configuration.address == ListenAddress(host: "127.0.0.1", port: 7443))
        #expect(configuration.admin == Identity(adminIdentity))
        #expect(configuration.tls.privateKeyFile == "server.key")
        #expect(configuration.tls.certificateFile == "server.crt")
        #expect(configuration.tls.password?.withUnsafeBytes { $0.elementsEqual("correct horse".utf8) } == true)
        #expect(configuration.tls.clientAuthentication == .trustedCertificate)
        #expect(configuration.tls.authorities == "/etc/kes/ca")
        #expect(try configuration.tls.proxies == [#require(Identity(otherIdentity))])
        #expect(configuration.tls.forwardedCertificateHeader == "X-Forwarded-Cert")
        #expect(
            try configuration.policies == [
                PolicyDefinition(
                    name: "my-app", allow: ["/v1/key/create/my-app*", "/v1/key/generate/my-app*"],
                    deny: ["/v1/key/generate/my-app-internal*"], identities: [#require(Identity(appIdentity))]),
                PolicyDefinition(name: "monitoring", allow: ["/v1/metrics"]),
            ])
        #expect(configuration.cache == CacheExpiry(any: .seconds(330), unused: .seconds(20), offline: .seconds(3600)))
        #expect(
            configuration.routes == [
                "/v1/ready": RouteOverride(skipAuthentication: true, timeout: .seconds(15)),
                "/v1/key/create/": RouteOverride(timeout: .zero),
            ])
        #expect(configuration.log == LogLevels(error: .warning, audit: nil))
        #expect(configuration.predefinedKeys == ["my-key", "my-key-2"])
        #expect(configuration.keystore.name == "fs")
        #expect(configuration.keystore.json == #"{"path":"/var/lib/kes/keys"}"#)
        #expect(configuration.pluginDirectory == "/opt/kes/plugins.d")
        #expect(configuration.origin.file == "kes.yml")
        #expect(configuration.origin.positions["tls.key"] == SourcePosition(line: 6, column: 8))
        #expect(configuration.origin.warnings == [])
    }

    @Test("What a file leaves out, or leaves empty, has its default")
    func defaults() throws {
        let empty = """
            version:
            address: ""
            policy:
            cache:
            api: {}
            log: { error: "", audit: null }
            keys: []
            plugins: ~

            """
        for text in [minimalText, minimalText + empty] {
            let configuration = try parse(text)
            #expect(configuration.address == ListenAddress(host: "0.0.0.0", port: 7373))
            #expect(configuration.tls.password == nil)
            #expect(configuration.tls.clientAuthentication == .anyCertificate)
            #expect(configuration.tls.authorities == nil)
            #expect(configuration.tls.proxies == [])
            #expect(configuration.tls.forwardedCertificateHeader == "X-Tls-Client-Cert")
            #expect(configuration.policies == [])
            #expect(configuration.cache == CacheExpiry(any: .seconds(300), unused: .seconds(30), offline: .zero))
            #expect(configuration.routes == [:])
            #expect(configuration.log == LogLevels(error: .info, audit: .info))
            #expect(configuration.predefinedKeys == [])
            #expect(configuration.pluginDirectory == nil)
        }
    }
}
