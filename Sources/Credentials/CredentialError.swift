/// Why an API key or a certificate could not be read or made. It never holds a byte of a secret.
public enum CredentialError: Error, Equatable, Sendable {
    /// The text is no API key.
    case malformedAPIKey
    /// The bytes are no X.509 certificate. The text says what was expected.
    case malformedCertificate(String)
    /// A subject alternative name is neither an IP address nor a DNS name, as it says it is.
    case invalidAlternativeName(String)
    /// The subject's common name is longer than 64 characters or empty (RFC 5280, appendix A.1, ub-common-name).
    case invalidSubject(String)
    /// The validity does not begin before it ends, or lies outside of the years 1950 to 9999.
    case invalidValidity
    /// The password is empty or longer than libcrypto takes.
    case invalidPassword
    /// libcrypto failed where it never should, or its providers lack the algorithm. The text names the operation.
    case cryptographyFailed(String)
    /// The random generator gave no bytes.
    case randomnessUnavailable
}

extension CredentialError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformedAPIKey: "API key is malformed: it must be kes:v1: and the base64 of 33 bytes"
        case .malformedCertificate(let reason): "certificate is malformed: \(reason)"
        case .invalidAlternativeName(let name): "'\(name)' is neither an IP address nor a DNS name"
        case .invalidSubject(let name): "the subject '\(name)' is empty or longer than 64 characters"
        case .invalidValidity: "the certificate's validity must begin before it ends, between the years 1950 and 9999"
        case .invalidPassword: "the password is empty or too long"
        case .cryptographyFailed(let operation):
            "libcrypto failed: \(operation): check which providers the OpenSSL configuration loads"
        case .randomnessUnavailable: "libcrypto's random generator gave no bytes"
        }
    }
}
