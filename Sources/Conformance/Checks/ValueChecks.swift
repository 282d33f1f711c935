import PluginAPI

/// create(), get() and remove(), one caller at a time.
enum ValueChecks {
    static func stores(_ session: Session) throws {
        try session.withInstance { store in
            let name = session.name("stored")
            let value = session.value("stored")
            try create(session, store, name, value, .createStores)
            expect(session, store, name, value, .createStores)
            expect(session, store, name, value, .createStores)
            expectListed(session, store, name, true, .createStores)
        }
    }

    static func exists(_ session: Session) throws {
        try session.withInstance { store in
            let name = session.name("taken")
            let value = session.value("first")
            try create(session, store, name, value, .createExists)
            for other in [session.value("second"), session.value("third", size: 5000), value] {
                let outcome = store.create(name, other)
                session.expect(outcome.code == .exists, .createExists, "create() of a name that is taken answered \(outcome)")
                expect(session, store, name, value, .createExists)
            }
        }
    }

    static func missing(_ session: Session) throws {
        try session.withInstance { store in
            let present = session.name("present")
            try create(session, store, present, session.value("present"), .getMissing)
            // The rest of a name that is there, and one that goes on behind it, too.
            for name in [session.name("absent"), String(present.dropLast()), present + "x", present.uppercased() + "-"] {
                let (outcome, _) = store.get(name)
                session.expect(
                    outcome.code == .notFound, .getMissing, "get(\"\(name)\") answered \(outcome), and there is no such name")
            }
        }
    }

    static func removes(_ session: Session) throws {
        try session.withInstance { store in
            let name = session.name("removed")
            let neighbour = session.name("removed-neighbour")
            try create(session, store, neighbour, session.value("neighbour"), .deleteRemoves)
            for round in 0..<3 {
                let value = session.value("round \(round)")
                try create(session, store, name, value, .deleteRemoves)
                expect(session, store, name, value, .deleteRemoves)
                let outcome = store.remove(name)
                session.expect(outcome.code == .ok, .deleteRemoves, "remove() of a name that is there answered \(outcome)")
                let read = store.get(name).outcome
                session.expect(read.code == .notFound, .deleteRemoves, "get() of a removed name answered \(read)")
                expectListed(session, store, name, false, .deleteRemoves)
            }
            expect(session, store, neighbour, session.value("neighbour"), .deleteRemoves)
        }
    }

    static func removesNothing(_ session: Session) throws {
        try session.withInstance { store in
            let name = session.name("never-there")
            for _ in 0..<2 {
                let outcome = store.remove(name)
                session.expect(
                    outcome.code == .notFound, .deleteMissing, "remove() of a name that is not there answered \(outcome)")
            }
            try create(session, store, name, session.value("removed"), .deleteMissing)
            _ = store.remove(name)
            let outcome = store.remove(name)
            session.expect(outcome.code == .notFound, .deleteMissing, "a second remove() of the same name answered \(outcome)")
        }
    }

    /// Values with every byte: those that do not begin with the marker.
    static let ofBytes: [[UInt8]] = {
        let all = (0...255).map { UInt8($0) }
        let some: [[UInt8]] = [
            all, Array(all.reversed()), all + all, [0], [0, 0, 0], [0xff], [0x0a], [0x0d, 0x0a], Array("a\0b".utf8),
            [0x20, 0x09],
        ]
        // Every byte alone, at the beginning and at the end.
        return some + all.map { [$0, 0x41, $0] }
    }()

    static func bytes(_ session: Session) throws {
        try session.withInstance { store in
            for (number, value) in ofBytes.enumerated() {
                let name = session.name("bytes-\(number)")
                try create(session, store, name, value, .valueBytes)
                expect(session, store, name, value, .valueBytes)
            }
        }
    }

    static func sizes(_ session: Session) throws {
        try session.withInstance { store in
            let powers = (1...19).flatMap { [(1 << $0) - 1, 1 << $0, (1 << $0) + 1] }
            for size in Set([1, 2, 3, 100, 1000, 10_000, 100_000] + powers).sorted() + [(1 << 20) - 1, 1 << 20] {
                let name = session.name("size-\(size)")
                let value = session.value(name, size: size)
                try create(session, store, name, value, .valueSizes)
                expect(session, store, name, value, .valueSizes)
                // All of them together are megabytes that nobody needs.
                if size > 4096 { _ = store.remove(name) }
            }
        }
    }

    static func empty(_ session: Session) throws {
        try session.withInstance { store in
            let name = session.name("empty")
            let outcome = store.create(name, [])
            session.expect(
                outcome.code == .ok || outcome.code == .invalid, .valueEmpty, "create() of an empty value answered \(outcome)")
            if outcome.code == .ok {
                expect(session, store, name, [], .valueEmpty)
            } else {
                let read = store.get(name).outcome
                session.expect(read.code == .notFound, .valueEmpty, "get() of what create() refused answered \(read)")
            }
            expectListed(session, store, name, outcome.code == .ok, .valueEmpty)
        }
    }

    static func tooLarge(_ session: Session) throws {
        try session.withInstance { store in
            for size in [Int(KESWICK_VALUE_MAX) + 1, 2 * Int(KESWICK_VALUE_MAX)] {
                let name = session.name("large-\(size)")
                let outcome = store.create(name, session.value(name, size: size))
                session.expect(outcome.code == .invalid, .valueTooLarge, "create() of \(size) bytes answered \(outcome)")
                let read = store.get(name).outcome
                session.expect(read.code == .notFound, .valueTooLarge, "get() of what create() refused answered \(read)")
                expectListed(session, store, name, false, .valueTooLarge)
            }
        }
    }

    static func borrowed(_ session: Session) throws {
        // The name and the value of every call lie in memory that is gone when the call has returned: see GuardedBytes.
        try session.withInstance { store in
            let names = (0..<50).map { session.name("borrowed-\($0)") }
            for name in names { try create(session, store, name, session.value(name, size: 5000), .valueBorrowed) }
            for name in names { expect(session, store, name, session.value(name, size: 5000), .valueBorrowed) }
            let listed = store.list(prefix: session.name("borrowed-"), limit: 1000).names
            session.expect(
                listed == names.sorted(), .valueBorrowed, "list() gave \(listed.count) of 50 names: \(listed.prefix(3))")
        }
    }

    // MARK: Steps

    static func create(_ session: Session, _ store: Instance, _ name: String, _ value: [UInt8], _ rule: Rule) throws {
        let outcome = store.create(name, value)
        guard outcome.code == .ok else {
            throw session.stop(
                rule, "create(\"\(name)\", \(counted(value.count, "byte"))) of a name that is free answered \(outcome)")
        }
    }

    static func expect(_ session: Session, _ store: Instance, _ name: String, _ value: [UInt8], _ rule: Rule) {
        let (outcome, read) = store.get(name)
        guard outcome.code == .ok, let read else {
            return session.fail(rule, "get(\"\(name)\") of \(counted(value.count, "stored byte")) answered \(outcome)")
        }
        guard read != value else { return }
        // Never the bytes themselves: they stand for a key.
        let place = zip(read, value).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        let difference = place.map { "the byte at \($0) is another" } ?? "the beginning is right"
        session.fail(
            rule, "get(\"\(name)\") gave \(counted(read.count, "byte")), of \(value.count) that were stored; \(difference)")
    }

    static func expectListed(_ session: Session, _ store: Instance, _ name: String, _ isThere: Bool, _ rule: Rule) {
        let (outcome, names) = store.list(prefix: name, limit: 1000)
        session.expect(outcome.code == .ok, rule, "list(prefix \"\(name)\") answered \(outcome)")
        session.expect(
            names.contains(name) == isThere, rule, "list(prefix \"\(name)\") \(isThere ? "does not show" : "shows") the name")
    }
}
