import Credentials
import SecureBytes

/// What a server is to do: the configuration file after it was parsed and checked.
///
/// A value of this type is consistent: no identity has two roles, every name is well formed, and each needed member is there.
/// That files exist and can be read is checked when they are loaded.
package struct Configuration: Sendable {
    /// Where to listen.
    package var address: ListenAddress
    /// Who may call everything; nil when the file switches the administrator off.
    package var admin: Identity?
    package var tls: TLS
    package var policies: [PolicyDefinition]
    package var cache: CacheExpiry
    /// What the `api:` section says about single routes, by path as written (`/v1/ready`).
    package var routes: [String: RouteOverride]
    package var log: LogLevels
    /// Keys to create at start when they are missing.
    package var predefinedKeys: [String]
    package var keystore: KeystoreSection
    /// Where plugin manifests live: `plugins.directory`, or nil for the default search path.
    package var pluginDirectory: String?
    /// Where in which file all this was said, and warnings about it.
    package var origin = ConfigurationOrigin()

    package init(
        address: ListenAddress, admin: Identity?, tls: TLS, policies: [PolicyDefinition] = [], cache: CacheExpiry = CacheExpiry(),
        routes: [String: RouteOverride] = [:], log: LogLevels = LogLevels(), predefinedKeys: [String] = [],
        keystore: KeystoreSection, pluginDirectory: String? = nil
    ) {
        self.address = address
        self.admin = admin
        self.tls = tls
        self.policies = policies
        self.cache = cache
        self.routes = routes
        self.log = log
        self.predefinedKeys = predefinedKeys
        self.keystore = keystore
        self.pluginDirectory = pluginDirectory
    }
}

/// An IP address and a port to listen on.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 address without brackets; empty for every address.
    package var host: String
    /// 0 to 65535, 0 for any free port.
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether it stands for every address, IPv4 and IPv6: as in Go, and so in KES, `0.0.0.0` does, too.
    package var isEvery: Bool { ["", "0.0.0.0", "::"].contains(host) }
}

/// The `tls:` section.
package struct TLS: Sendable {
    /// How far a client's certificate is checked.
    package enum ClientAuthentication: Sendable {
        /// `auth: off`: any certificate, and the proof of its key.
        case anyCertificate
        /// `auth: on`: a chain to a trusted authority as well.
        case trustedCertificate
    }

    /// Path of the PEM file with the private key.
    package var privateKeyFile: String
    /// Path of the PEM file with the certificate chain, leaf first.
    package var certificateFile: String
    /// Decrypts the private key.
    package var password: SecretBytes?
    package var clientAuthentication: ClientAuthentication
    /// File or directory of PEM certificates of authorities, beside the system's.
    package var authorities: String?
    /// Who may forward the certificate of a client, and in which header.
    package var proxies: [Identity]
    package var forwardedCertificateHeader: String
    /// Used instead of the two files by a server that makes its certificate itself.
    package var generated: Generated?

    /// A certificate and its key that are in no file. Both are PEM.
    package struct Generated: Sendable {
        package var certificate: [UInt8]
        package var privateKey: SecretBytes

        package init(certificate: [UInt8], privateKey: SecretBytes) {
            self.certificate = certificate
            self.privateKey = privateKey
        }
    }

    package static let defaultForwardedCertificateHeader = "X-Tls-Client-Cert"

    package init(
        privateKeyFile: String, certificateFile: String, password: SecretBytes? = nil,
        clientAuthentication: ClientAuthentication = .anyCertificate, authorities: String? = nil, proxies: [Identity] = [],
        forwardedCertificateHeader: String = TLS.defaultForwardedCertificateHeader
    ) {
        self.privateKeyFile = privateKeyFile
        self.certificateFile = certificateFile
        self.password = password
        self.clientAuthentication = clientAuthentication
        self.authorities = authorities
        self.proxies = proxies
        self.forwardedCertificateHeader = forwardedCertificateHeader
    }

    package init(generated: Generated) {
        self.init(privateKeyFile: "", certificateFile: "")
        self.generated = generated
    }
}

/// One member of the `policy:` section.
package struct PolicyDefinition: Sendable, Equatable {
    package var name: String
    package var allow: [String]
    package var deny: [String]
    package var identities: [Identity]

    package init(name: String, allow: [String] = [], deny: [String] = [], identities: [Identity] = []) {
        self.name = name
        self.allow = allow
        self.deny = deny
        self.identities = identities
    }
}

/// How long the key cache keeps keys. Zero switches a limit off, except `offline`, where zero switches the mode off.
package struct CacheExpiry: Sendable, Equatable {
    /// A key is dropped this long after it was read.
    package var any: Duration
    /// A key is dropped when it was not used for this long.
    package var unused: Duration
    /// While the keystore is out of reach, cached keys are kept this long instead.
    package var offline: Duration

    package init(any: Duration = .seconds(300), unused: Duration = .seconds(30), offline: Duration = .zero) {
        self.any = any
        self.unused = unused
        self.offline = offline
    }
}

/// One member of the `api:` section.
package struct RouteOverride: Sendable, Equatable {
    /// Whether the route answers without a certificate and without a policy.
    package var skipAuthentication: Bool
    /// Replaces the route's time limit; nil keeps it, zero means none.
    package var timeout: Duration?

    package init(skipAuthentication: Bool = false, timeout: Duration? = nil) {
        self.skipAuthentication = skipAuthentication
        self.timeout = timeout
    }
}

/// The `log:` section.
package struct LogLevels: Sendable, Equatable {
    package enum Level: Int, Sendable, Comparable {
        case debug, info, warning, error

        package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// nil when the error log is off.
    package var error: Level?
    /// nil when no audit events go to standard output.
    package var audit: Level?

    package init(error: Level? = .info, audit: Level? = .info) {
        self.error = error
        self.audit = audit
    }
}

/// The `keystore:` section: which plugin, and what to hand to it.
package struct KeystoreSection: Sendable {
    /// The name of the plugin: the section's only member.
    package var name: String
    /// The member's value as JSON (UTF-8), after `${NAME}` was replaced. It may hold the credentials of a backend.
    package var configuration: SecretBytes

    package init(name: String, configuration: SecretBytes) {
        self.name = name
        self.configuration = configuration
    }

    /// The text of one of the plugin's members, which must be none that is secret; nil when it is not text, or not there.
    func text(_ member: String) -> String? {
        var text: String?
        do throws(JSONError) {
            try configuration.withUnsafeBytes { bytes throws(JSONError) in
                var scanner = JSONScanner(bytes)
                try scanner.object { name, value throws(JSONError) in
                    if name.text == member, value.peek() == UInt8(ascii: "\"") {
                        text = try value.string().text
                    } else {
                        try value.skipValue()
                    }
                }
            }
        } catch {
            // What is no JSON is for the plugin to refuse, which has words for it.
            return nil
        }
        return text
    }
}

/// The keystore of a configuration file, without a server.
package struct KeystorePlace: Sendable {
    /// The file as it was named to the loader.
    package var file: String
    package var keystore: KeystoreSection
    /// Where plugin manifests live: `plugins.directory`, or nil for the default search path.
    package var pluginDirectory: String?
}
