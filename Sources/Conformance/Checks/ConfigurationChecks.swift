/// What open() makes of its configuration.
enum ConfigurationChecks {
    static func malformed(_ session: Session) throws {
        try session.open().close()
        let deep = String(repeating: "[", count: 100_000)
        let texts = [
            "", " ", "{", "}", "{\"", "{\"a\"", "{\"a\":", "{\"a\":1,}", "[", "nul", "\u{0}", "{}{}", "{} x", "\u{ff}", "'{}'",
            deep,
        ]
        for text in texts {
            refuse(
                session, .openMalformed, text.utf8.count > 40 ? "\(text.utf8.count) brackets" : text.debugDescription,
                Array(text.utf8))
        }
        refuse(session, .openMalformed, "bytes that are not UTF-8", [0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
        let right = session.configuration
        refuse(session, .openMalformed, "the configuration with another text behind it", right + Array(" x".utf8))
        refuse(session, .openMalformed, "the configuration twice", right + right)
        if let last = right.lastIndex(where: { $0 > 0x20 }), last > 0 {
            refuse(session, .openMalformed, "the configuration without its last character", Array(right[..<last]))
        }
        // What was refused must not be in the way of what is right.
        try session.open().close()
    }

    static func unknownMember(_ session: Session) throws {
        try session.open().close()
        let member = Array("\"kes-check-unknown\":true".utf8)
        let text = session.configuration
        var changed: [UInt8]
        if let brace = text.firstIndex(of: UInt8(ascii: "{")), text[..<brace].allSatisfy({ $0 <= 0x20 }) {
            let rest = text[(brace + 1)...]
            let isEmpty = rest.first { $0 > 0x20 } == UInt8(ascii: "}")
            changed = [UInt8(ascii: "{")] + member + (isEmpty ? [] : [UInt8(ascii: ",")]) + rest
        } else {
            changed = [UInt8(ascii: "{")] + member + [UInt8(ascii: "}")]
        }
        refuse(session, .openUnknownMember, "the configuration with a member kes-check-unknown", changed)
    }

    private static func refuse(_ session: Session, _ rule: Rule, _ what: String, _ configuration: [UInt8]) {
        var instance: Instance?
        let outcome = Instance.open(session, configuration: configuration, instance: &instance)
        session.expect(outcome.code == .invalid, rule, "open() answered \(outcome) to \(what), not INVALID")
        instance?.close()
    }
}
