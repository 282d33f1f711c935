/// What a listing asks for: the names that start with a prefix, from the first or from where the last page ended.
///
/// Its text is a prefix that may end in one `*`, or the token `PREFIX@LAST` that an earlier page gave to continue at. `@`
/// cannot occur in a name, and a token begins with the prefix of the listing, so that a policy pattern which allows the
/// listing allows every page of it.
package struct ListPattern: Sendable, Equatable {
    /// What each name starts with. Empty: every name.
    package let prefix: String
    /// The names wanted are bytewise greater than this one. nil: from the first.
    package let after: String?

    /// - Throws: an error whose message is for the client (HTTP 400).
    package init(_ text: String) throws(NameError) {
        // A client may append a star to whatever it sends, so that a token may end in one as well.
        let body = text.utf8.last == UInt8(ascii: "*") ? text.utf8.dropLast() : text.utf8[...]
        let parts = body.split(separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false)
        let prefix = String(Substring(parts[0]))
        guard prefix.utf8.count <= Names.maximumLength, prefix.utf8.allSatisfy(Names.isNameByte) else {
            throw .badListPattern(text)
        }
        self.prefix = prefix
        guard parts.count == 2 else {
            after = nil
            return
        }
        let last = String(Substring(parts[1]))
        // A page may have ended at what a keystore holds under a name that no key has.
        guard KeystoreName.isValid(last), last.utf8.starts(with: prefix.utf8) else { throw .badListPattern(text) }
        after = last
    }

    /// The token that continues this listing after a page whose last name is `name`.
    package func token(after name: String) -> String { "\(prefix)@\(name)" }
}
