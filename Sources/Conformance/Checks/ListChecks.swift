import PluginAPI

/// list(), with few names.
enum ListChecks {
    static func bounds(_ session: Session) throws {
        try session.withInstance { store in
            try ValueChecks.create(session, store, session.name("a"), session.value("a"), .listBounds)
            let zero = store.list(prefix: session.prefix, limit: 0).outcome
            session.expect(zero.code == .invalid, .listBounds, "list() with a limit of 0 answered \(zero)")
            for text in ["a/b", "../", "a\0", "é", "%", "*", "' OR 1=1 --"] {
                let prefix = store.list(prefix: text, limit: 10).outcome
                session.expect(prefix.code == .invalid, .listBounds, "list(prefix \(text.debugDescription)) answered \(prefix)")
                let after = store.list(prefix: "", after: text, limit: 10).outcome
                session.expect(after.code == .invalid, .listBounds, "list(after \(text.debugDescription)) answered \(after)")
            }
        }
    }

    static func order(_ session: Session) throws {
        try session.withInstance { store in
            let tails = [
                "a", "A", "b", "B", "a-", "a.", "a_", "a0", "aA", "aa", "10", "9", "-", "_", "Z", "z", "a.b", "a-b", "a_b",
            ]
            let names = try fill(session, store, tails.shuffled(seed: session.seed), .listOrder)
            // By bytes: `-` `.` digits, capital letters, `_`, small letters.
            let (outcome, listed) = store.list(prefix: session.prefix, limit: 1000)
            session.expect(outcome.code == .ok, .listOrder, "list() answered \(outcome)")
            session.expect(listed == names.sortedByBytes(), .listOrder, "list() gave \(listed), not \(names.sortedByBytes())")
        }
    }

    static func prefix(_ session: Session) throws {
        try session.withInstance { store in
            let names = try fill(
                session, store, ["key", "key-1", "key-10", "key-2", "key.1", "kez", "ke", "Key-1", "other", "z"], .listPrefix)
            let prefixes = ["", "k", "ke", "key", "key-", "key-1", "key-10", "key-100", "K", "l", "zz", "other"].map(session.name)
            for prefix in prefixes {
                let expected = names.filter { $0.utf8.starts(with: prefix.utf8) }.sortedByBytes()
                let (outcome, listed) = store.list(prefix: prefix, limit: 1000)
                session.expect(
                    outcome.code == .ok && listed == expected, .listPrefix,
                    "list(prefix \"\(prefix)\") answered \(outcome) and gave \(listed), not \(expected)")
            }
            // A prefix may be as long as a name, and longer than any.
            let long = String(repeating: "p", count: Int(KESWICK_NAME_MAX))
            let (outcome, listed) = store.list(prefix: long, limit: 10)
            session.expect(
                outcome.code == .ok && listed.isEmpty, .listPrefix, "list() with a prefix of 128 bytes answered \(outcome)")
            // No prefix: all names, those of others too.
            let all = try pages(session, store, prefix: "", size: 1000, .listPrefix)
            let own = all.filter { $0.utf8.starts(with: session.prefix.utf8) }
            session.expect(
                own == names.sortedByBytes(), .listPrefix, "list() without a prefix gave \(own) of \(names.count) names")
        }
    }

    static func after(_ session: Session) throws {
        try session.withInstance { store in
            let names = try fill(session, store, ["b", "d", "d-1", "f"], .listAfter)
            for after in ["", "a", "b", "c", "d", "d-", "d-1", "d-2", "e", "f", "g", "B"].map(session.name) {
                let expected = names.filter { after.precedesByBytes($0) }.sortedByBytes()
                let (outcome, listed) = store.list(prefix: session.prefix, after: after, limit: 1000)
                session.expect(
                    outcome.code == .ok && listed == expected, .listAfter,
                    "list(after \"\(after)\") answered \(outcome) and gave \(listed), not \(expected)")
            }
            // Before and behind all names with the prefix.
            for (after, count) in [("-", names.count), ("zzzz", 0)] {
                let (outcome, listed) = store.list(prefix: session.prefix, after: after, limit: 1000)
                session.expect(
                    outcome.code == .ok && listed.count == count, .listAfter,
                    "list(after \"\(after)\") answered \(outcome) and gave \(counted(listed.count, "name")), not \(count)")
            }
        }
    }

    static func limit(_ session: Session) throws {
        try session.withInstance { store in
            let names = try fill(session, store, (0..<12).map { "n\($0)" }, .listLimit).sortedByBytes()
            for limit in [1, 2, 11, 12, 13, 1000, Int.max, -1] {
                // -1 is SIZE_MAX on the plugin's side.
                let expected = limit < 0 ? names : Array(names.prefix(limit))
                let (outcome, listed) = store.list(prefix: session.prefix, limit: limit)
                session.expect(
                    outcome.code == .ok && listed == expected, .listLimit,
                    "list(limit \(limit < 0 ? "SIZE_MAX" : "\(limit)")) answered \(outcome) and gave \(listed.count) of 12 names")
            }
        }
    }

    // MARK: Steps

    /// Creates names with the session's prefix; returns them whole.
    static func fill(_ session: Session, _ store: Instance, _ tails: [String], _ rule: Rule) throws -> [String] {
        let names = tails.map(session.name)
        for name in names { try ValueChecks.create(session, store, name, session.value(name, size: 32), rule) }
        return names
    }

    /// All names with a prefix, page by page.
    static func pages(_ session: Session, _ store: Instance, prefix: String, size: Int, _ rule: Rule) throws -> [String] {
        var names: [String] = []
        while true {
            let (outcome, page) = store.list(prefix: prefix, after: names.last ?? "", limit: size)
            guard outcome.code == .ok else { throw session.stop(rule, "list(after \"\(names.last ?? "")\") answered \(outcome)") }
            if !page.isEmpty, !page.isPage(behind: names.last ?? "") {
                throw session.stop(rule, "the page behind \"\(names.last ?? "")\" begins with \"\(page[0])\", or is not in order")
            }
            names += page
            if page.count < size { return names }
        }
    }
}

extension String {
    func precedesByBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}

extension [String] {
    func sortedByBytes() -> [String] { sorted { $0.precedesByBytes($1) } }

    /// Whether they ascend, and all are greater than `after`: otherwise going on from the last one might never end.
    func isPage(behind after: String) -> Bool {
        zip([after] + self, self).allSatisfy { $0.precedesByBytes($1) }
    }

    func shuffled(seed: UInt64) -> [String] {
        var random = SplitMix(seed: seed)
        return shuffled(using: &random)
    }
}
