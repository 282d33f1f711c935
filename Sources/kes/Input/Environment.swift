import Glibc
import KESClient

/// What the environment says about the server and the credential. Several names are common for each; the first one that is
/// set and not empty counts.
enum Environment {
    static let server = ["MINIO_KES_SERVER", "KES_SERVER", "MINIO_KMS_KES_ENDPOINT"]
    static let apiKey = ["MINIO_KES_API_KEY", "KES_API_KEY", "MINIO_KMS_KES_API_KEY"]
    static let keyFile = ["MINIO_KES_KEY_FILE", "KES_CLIENT_KEY", "MINIO_KES_CLIENT_KEY", "MINIO_KMS_KES_KEY_FILE"]
    static let certificateFile = ["MINIO_KES_CERT_FILE", "KES_CLIENT_CERT", "MINIO_KES_CLIENT_CERT", "MINIO_KMS_KES_CERT_FILE"]

    static let defaultServer = "127.0.0.1:7373"

    /// A variable that counts, and its name, for messages.
    struct Setting {
        let name: String
        let value: String
    }

    /// How the environment says that the client proves who it is.
    enum CredentialSetting {
        case apiKey(Setting)
        case files(key: Setting, certificate: Setting)
    }

    /// The value of a variable; nil when it is unset or empty.
    static func value(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    static func first(_ names: [String]) -> Setting? {
        for name in names {
            if let value = value(name) { return Setting(name: name, value: value) }
        }
        return nil
    }

    /// The credential, or an error that names the variables that are missing or contradict each other.
    static func credential() throws(CommandFailure) -> CredentialSetting {
        switch (first(apiKey), first(keyFile), first(certificateFile)) {
        case (let apiKey?, nil, nil):
            return .apiKey(apiKey)
        case (nil, let key?, let certificate?):
            return .files(key: key, certificate: certificate)
        case (let apiKey?, let key?, _):
            throw CommandFailure("\(apiKey.name) and \(key.name) are both set: use an API key or a private key file, not both")
        case (let apiKey?, nil, let certificate?):
            throw CommandFailure(
                "\(apiKey.name) and \(certificate.name) are both set: use an API key or a certificate file, not both")
        case (nil, let key?, nil):
            throw CommandFailure("\(key.name) is set, but no certificate: set KES_CLIENT_CERT to the certificate's file")
        case (nil, nil, let certificate?):
            throw CommandFailure("\(certificate.name) is set, but no private key: set KES_CLIENT_KEY to the private key's file")
        case (nil, nil, nil):
            throw CommandFailure(
                "no credential: set KES_API_KEY to an API key, or KES_CLIENT_KEY and KES_CLIENT_CERT to files")
        }
    }
}

extension Environment {
    /// All variables. One that is set twice keeps its first value, as getenv(3) does.
    static func variables() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let text = String(cString: pointer)
            if let separator = text.firstIndex(of: "=") {
                let name = String(text[..<separator])
                if result[name] == nil { result[name] = String(text[text.index(after: separator)...]) }
            }
            entry += 1
        }
        return result
    }
}
