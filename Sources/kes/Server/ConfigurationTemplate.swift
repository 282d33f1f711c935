import Credentials
import KESClient

/// The configuration file that `kes init` writes.
enum ConfigurationTemplate {
    static func text(
        directory: String, listenAddress: String, admin: Identity, keystore: Deployment.Keystore
    ) -> String {
        // A JSON string is a YAML string, whatever is in it.
        func path(_ name: String) -> String { JSONText.string("\(directory)/\(name)") }
        let store =
            switch keystore {
            case .sqlite: "  # All keys in one SQLite database.\n  sqlite:\n    path: \(path("keys.db"))"
            case .fs: "  # One file for each key.\n  fs:\n    path: \(path("keys"))"
            }
        return """
            version: v1

            # Where the server listens. :7373 is every address of this machine, IPv4 and IPv6.
            address: \(listenAddress)

            # Who may do everything: the identity of the API key in admin.api-key. `disabled` switches the administrator off.
            admin:
              identity: \(admin)

            tls:
              key: \(path("server.key"))
              cert: \(path("server.crt"))
              # on: clients need a certificate of an authority that this machine trusts. API keys do not have one.
              auth: off

            # Who else may do what. `kes identity new` makes an API key and prints its identity.
            # policy:
            #   my-app:
            #     allow:
            #     - /v1/key/create/my-app*
            #     - /v1/key/generate/my-app*
            #     - /v1/key/decrypt/my-app*
            #     deny:
            #     - /v1/key/generate/my-app-internal*
            #     identities:
            #     - <identity of my-app's API key>

            # How long keys stay in memory after they were read, and when nobody uses them.
            cache:
              expiry:
                any: 5m0s
                unused: 30s
                # How long cached keys stay usable while the keystore is out of reach. 0s: not at all.
                offline: 0s

            log:
              error: on
              # One JSON line for each request, on standard output.
              audit: off

            # Keys that are created at the start when they are missing.
            # keys:
            # - name: my-key

            keystore:
            \(store)

            """
    }
}
