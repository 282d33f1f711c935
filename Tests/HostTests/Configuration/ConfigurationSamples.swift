import Host

/// The paths that the `api:` section of the tests' files may name, and policies reach.
let knownRoutes = Server.apiOverview.map(\.path)

let adminIdentity = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22"
let appIdentity = "02ef5321ca409dbc7b10e7e8ee44d1c3b91e4bf6e2198befdebee6312745267b"
let otherIdentity = "6bf5b79ef5e5a4ad7a5e9a3e9f5a3c4dd2a1e8c4f0b86f1c3e2a2b7d0c9b8a71"

func parse(_ text: String, environment: [String: String] = [:]) throws(ConfigurationErrors) -> Configuration {
    try ConfigurationFile.parse(text, file: "kes.yml", environment: environment, knownRoutes: knownRoutes)
}

/// What each file needs, 7 lines, for tests of another member.
let minimalText = """
    admin:
      identity: \(adminIdentity)
    tls:
      key: server.key
      cert: server.crt
    keystore:
      mem: {}

    """

extension KeystoreSection {
    /// The JSON text for the plugin. The tests' configurations hold no secrets.
    var json: String { configuration.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
