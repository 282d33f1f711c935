import PluginAPI

/// Which names there are.
enum NameChecks {
    static func allowed(_ session: Session) throws {
        try session.withInstance { store in
            let tail = session.prefix
            var names = Names.characters.filter { $0 != 0x2e }.map { String(UnicodeScalar($0)) + tail }
            names += Names.characters.map { tail + "x" + String(UnicodeScalar($0)) }
            names += (tail.utf8.count...Int(KESWICK_NAME_MAX)).map { size in
                tail + String(repeating: "n", count: size - tail.utf8.count)
            }
            names.append(tail + String(repeating: "z", count: Int(KESWICK_NAME_MAX) - tail.utf8.count))
            // What a backend could take for something else: options, files and directories of its own, SQL, escapes.
            names += [
                "..", "a..b", "-rf", "--", "con", "tmp", "lock", "a.tmp", "a.lock", "a.db-wal", "a.json", "_", "NULL", "0", "00",
                "1e9",
            ].map { tail + $0 }
            names += ["-rf", "--help", "con", "nul", "index", "tmp", "lock"].map { $0 + "-" + tail }
            for name in Set(names).sorted() {
                try ValueChecks.create(session, store, name, session.value(name, size: 40), .namesAllowed)
            }
            for name in Set(names).sorted() {
                ValueChecks.expect(session, store, name, session.value(name, size: 40), .namesAllowed)
                ValueChecks.expectListed(session, store, name, true, .namesAllowed)
            }
        }
    }

    static func distinct(_ session: Session) throws {
        try session.withInstance { store in
            let long = String(repeating: "n", count: Int(KESWICK_NAME_MAX) - session.prefix.utf8.count - 1)
            let names = [
                "key", "Key", "KEY", "kEY", "key-", "key_", "key.", "key0", "ke", "keyy", "key-1", "key_1", "key.1", long + "a",
                long + "b", long + "A",
            ]
            .map(session.name)
            for name in names {
                try ValueChecks.create(session, store, name, session.value(name, size: 40), .namesDistinct)
            }
            for name in names { ValueChecks.expect(session, store, name, session.value(name, size: 40), .namesDistinct) }
            let outcome = store.remove(session.name("key"))
            session.expect(outcome.code == .ok, .namesDistinct, "remove(\"key\") answered \(outcome)")
            for name in names.dropFirst() {
                ValueChecks.expect(session, store, name, session.value(name, size: 40), .namesDistinct)
            }
        }
    }

    static func invalid(_ session: Session) throws {
        try session.withInstance { store in
            let tail = session.prefix
            var names: [[UInt8]] = [
                [], Array(".".utf8), Array("..".utf8), Array(".\(tail)".utf8), Array("../\(tail)".utf8), Array("/\(tail)".utf8),
                Array("\(tail)/..".utf8), Array("%2e%2e%2f\(tail)".utf8), Array("'; DROP TABLE keys; --".utf8),
                Array(repeating: 0x61, count: Int(KESWICK_NAME_MAX) + 1), Array(repeating: 0x61, count: 5000),
                Array(tail.utf8) + [0xc3, 0xa4], [0xff, 0xfe], Array("\(tail)\u{2028}".utf8),
            ]
            // Every other byte, at the end and within.
            for byte in UInt8.min...UInt8.max where !Names.characters.contains(byte) {
                names.append(Array(tail.utf8) + [byte])
                names.append(Array(tail.utf8) + [byte] + Array("b".utf8))
            }
            for name in names {
                let shown = Instance.shown(name)
                let value = session.value("invalid", size: 40)
                let outcomes = [
                    ("create", store.create(name, value)), ("get", store.get(name).outcome), ("remove", store.remove(name)),
                ]
                for (function, outcome) in outcomes where outcome.code != .invalid {
                    session.fail(.namesInvalid, "\(function)(\"\(shown)\") answered \(outcome)")
                }
            }
            let (_, listed) = store.list(prefix: tail, limit: 1000)
            session.expect(listed.isEmpty, .namesInvalid, "after creates of invalid names list() gives \(listed.prefix(3))")
        }
    }
}
