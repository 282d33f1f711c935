import Credentials
import Glibc
import Host
import KESClient
import SecureBytes

/// A server for trying things out: keys in memory, a certificate and an administrator that are made on the spot.
struct Development {
    let configuration: Configuration
    private let apiKey: APIKey

    init(_ options: ServerOptions) throws(CommandFailure) {
        do {
            let address =
                try options.address.map { try ListenAddress(parsing: $0) } ?? ListenAddress(host: "127.0.0.1", port: 7373)
            apiKey = try APIKey()
            let key = try PrivateKey(generating: .ecdsaP256)
            var addresses = ["127.0.0.1", "::1"]
            if !address.isEvery, !addresses.contains(address.host) { addresses.append(address.host) }
            let certificate = try SelfSignedCertificate(
                CertificateTemplate(
                    commonName: "localhost", dnsNames: ["localhost"], ipAddresses: addresses, usage: .clientAndServer,
                    notBefore: Int64(time(nil)), validity: 30 * 86400), key: key)
            let nothing = SecretBytes(count: 2) { $0.copyBytes(from: "{}".utf8) }
            configuration = Configuration(
                address: address, admin: apiKey.identity,
                tls: TLS(generated: TLS.Generated(certificate: certificate.pem, privateKey: try key.pem())),
                keystore: KeystoreSection(name: "mem", configuration: nothing))
        } catch let error as ListenAddress.Problem {
            throw CommandFailure("--addr: \(error.message)")
        } catch {
            throw CommandFailure("cannot make the development server's certificate: \(error)")
        }
    }

    /// What to paste into another terminal. The API key opens this server only, and is worth nothing once it has stopped.
    func usage(_ address: ListenAddress) -> [SecretText.Piece] {
        [
            .plain(
                """

                This is a development server: its keys are in memory, and are gone when it stops.

                  API key     
                """), .bytes(apiKey.text),
            .plain(
                """


                To use it, paste this into another terminal:

                  export KES_SERVER=https://\(address)
                  export KES_API_KEY=
                """), .bytes(apiKey.text),
            .plain(
                """

                  kes key create my-key -k
                  kes key dek my-key -k


                """),
        ]
    }
}
