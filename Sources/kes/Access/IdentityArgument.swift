import ArgumentParser
import Credentials

/// Identities that the command line is given.
enum IdentityArgument {
    static let apiKeyProblem = "an API key where its identity belongs; it is secret: give what 'kes identity of APIKEY' prints"

    /// Refuses API keys: they would go to the server in the path of a request, and from there into its logs.
    static func check(_ texts: String...) throws(ValidationError) { try check(texts) }

    static func check(_ texts: [String]) throws(ValidationError) {
        if texts.contains(where: APIKey.isLikely) { throw ValidationError("This is \(apiKeyProblem).") }
    }
}
