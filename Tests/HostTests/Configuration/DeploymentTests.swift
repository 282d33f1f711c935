import Credentials
import Host
import Testing

/// Files as KES deployments have them. None may need a change.
@Suite("Configuration files of KES deployments")
struct DeploymentTests {
    @Test("A file for a first try: one administrator, keys in a directory")
    func firstTry() throws {
        let configuration = try parse(
            """
            address: 0.0.0.0:7373 # Listen on all network interfaces on port 7373

            admin:
              identity: \(adminIdentity) # The client.crt identity

            tls:
              key: private.key    # The KES server TLS private key
              cert: public.crt    # The KES server TLS certificate

            keystore:
              fs:
                path: ./keys
            """)
        #expect(configuration.keystore.name == "fs")
        #expect(configuration.keystore.json == #"{"path":"./keys"}"#)
        #expect(configuration.origin.warnings == [])
    }

    @Test("A file for a MinIO cluster behind Vault, with identities and secrets from the environment")
    func vault() throws {
        let configuration = try parse(
            """
            address: 0.0.0.0:7373
            admin:
              # Effectively disabled, since no root identity is necessary.
              identity: disabled
            tls:
              key: vault.key
              cert: vault.crt
              auth: on
            cache:
              expiry:
                any: 5m0s
                unused: 20s
                offline: 0s
            policy:
              my-app:
                allow:
                - /v1/key/create/my-app*
                - /v1/key/generate/my-app*
                - /v1/key/decrypt/my-app*
                identities:
                - ${MY_APP_IDENTITY}
            log:
              error: on
              audit: off
            keystore:
              vault:
                endpoint: https://127.0.0.1:8200
                engine: kv
                version: v1
                approle:
                  id: "${VAULT_APP_ROLE_ID}"
                  secret: ${VAULT_APP_ROLE_SECRET}
                  retry: 15s
                status:
                  ping: 10s
                tls: { ca: vault.crt }
            """,
            environment: ["MY_APP_IDENTITY": appIdentity, "VAULT_APP_ROLE_ID": "0012", "VAULT_APP_ROLE_SECRET": "\"quoted\\"])
        #expect(configuration.admin == nil)
        #expect(configuration.tls.clientAuthentication == .trustedCertificate)
        #expect(try configuration.policies.first?.identities == [#require(Identity(appIdentity))])
        #expect(configuration.keystore.name == "vault")
        #expect(
            configuration.keystore.json
                == #"{"endpoint":"https://127.0.0.1:8200","engine":"kv","version":"v1","approle":{"id":"0012","#
                + #""secret":"\"quoted\\","retry":"15s"},"status":{"ping":"10s"},"tls":{"ca":"vault.crt"}}"#)
        #expect(configuration.origin.warnings == [])
    }

    @Test("A file for a cloud's secret manager, two levels deep")
    func cloud() throws {
        let configuration = try parse(
            """
            version: v1
            admin: { identity: "${KES_ADMIN}" }
            tls: { key: ./server.key, cert: ./server.cert, password: "" }
            keystore:
              aws:
                secretsmanager:
                  endpoint: secretsmanager.us-east-2.amazonaws.com
                  region: us-east-2
                  kmskey: ""
                  credentials:
                    accesskey: ${ACCESS_KEY}
                    secretkey: "${SECRET_KEY}"
                    token: ""
            """, environment: ["KES_ADMIN": adminIdentity, "ACCESS_KEY": "1e5", "SECRET_KEY": "true"])
        #expect(configuration.admin == Identity(adminIdentity))
        #expect(configuration.keystore.name == "aws")
        #expect(
            configuration.keystore.json
                == #"{"secretsmanager":{"endpoint":"secretsmanager.us-east-2.amazonaws.com","region":"us-east-2","kmskey":"","#
                + #""credentials":{"accesskey":"1e5","secretkey":"true","token":""}}}"#)
    }

    @Test("A file for a server behind a TLS proxy, with keys made at start and monitoring without a certificate")
    func proxied() throws {
        let configuration = try parse(
            """
            version: v1
            address: :7373
            admin:
              identity: ${ADMIN}
            tls:
              key:      server.key
              cert:     server.crt
              password: ""
              auth:     ""
              ca:       ""
              proxy:
                identities:
                - \(otherIdentity)
                header:
                  cert: X-Tls-Client-Cert
            policy:
              minio:
                allow:
                - /v1/key/create/*
                - /v1/key/generate/*
                - /v1/key/*/my-key*
                deny:
                - /v1/key/*/my-key-internal*
                identities:
                - \(appIdentity)
            keys:
              - name: some-key-name
              - name: another-key-name
            cache:
              expiry:
                any: 5m0s
                unused: 30s
                offline: 0s
            api:
              /v1/ready:
                skip_auth: false
                timeout:   15s
              /v1/metrics:
                skip_auth: on
            log:
              error: ON
              audit: "off"
            keystore:
              fs:
                path: "/var/lib/kes/keys"
            """, environment: ["ADMIN": "_"])
        #expect(configuration.address == ListenAddress(host: "", port: 7373))
        #expect(configuration.admin == nil)
        #expect(configuration.tls.clientAuthentication == .anyCertificate)
        #expect(try configuration.tls.proxies == [#require(Identity(otherIdentity))])
        #expect(configuration.predefinedKeys == ["some-key-name", "another-key-name"])
        #expect(configuration.routes["/v1/metrics"] == RouteOverride(skipAuthentication: true))
        #expect(configuration.log == LogLevels(error: .info, audit: nil))
        #expect(configuration.origin.warnings == [])
    }
}
