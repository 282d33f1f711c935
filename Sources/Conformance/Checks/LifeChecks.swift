/// From open() to close().
enum LifeChecks {
    static func status(_ session: Session) throws {
        try session.withInstance { store in
            guard let outcome = store.status() else {
                return session.skip(.statusOK, "the plugin has no status(): the server asks list() for one name instead")
            }
            session.expect(outcome.code == .ok, .statusOK, "status() answered \(outcome)")
        }
    }

    static func passedDeadline(_ session: Session) throws {
        try session.withInstance { store in
            let (name, late) = (session.name("in-time"), session.name("late"))
            try ValueChecks.create(session, store, name, session.value(name), .deadlinePassed)
            var outcomes = [
                ("create", store.create(late, session.value(late), .passed)), ("get", store.get(name, .passed).outcome),
                ("remove", store.remove(name, .passed)), ("list", store.list(prefix: "", limit: 10, .passed).outcome),
            ]
            if let status = store.status(.passed) { outcomes.append(("status", status)) }
            for (function, outcome) in outcomes {
                session.expect(
                    outcome.code == .timeout, .deadlinePassed, "\(function)() whose deadline had passed answered \(outcome)")
            }
            let read = store.get(late).outcome
            session.expect(
                read.code == .notFound, .deadlinePassed, "get() of a name whose create() came too late answered \(read)")
            ValueChecks.expectListed(session, store, late, false, .deadlinePassed)
            ValueChecks.expect(session, store, name, session.value(name), .deadlinePassed)
        }
        var instance: Instance?
        let outcome = Instance.open(session, configuration: session.configuration, deadline: .passed, instance: &instance)
        session.expect(outcome.code == .timeout, .deadlinePassed, "open() whose deadline had passed answered \(outcome)")
        instance?.close()
    }

    static func farDeadline(_ session: Session) throws {
        var instance: Instance?
        let opened = Instance.open(session, configuration: session.configuration, deadline: .endOfTime, instance: &instance)
        session.expect(opened.code == .ok, .deadlineFar, "open() with the latest deadline answered \(opened)")
        guard let store = instance else { return }
        let name = session.name("far")
        var outcomes = [
            ("create", store.create(name, session.value(name), .endOfTime)), ("get", store.get(name, .endOfTime).outcome),
            ("list", store.list(prefix: session.prefix, limit: 10, .endOfTime).outcome),
            ("remove", store.remove(name, .endOfTime)),
        ]
        if let status = store.status(.endOfTime) { outcomes.append(("status", status)) }
        for (function, outcome) in outcomes {
            session.expect(outcome.code == .ok, .deadlineFar, "\(function)() with the latest deadline answered \(outcome)")
        }
        store.close()
    }

    static func twice(_ session: Session) throws {
        let first = try session.open()
        var other: Instance?
        let outcome = Instance.open(session, configuration: session.configuration, instance: &other)
        guard outcome.code == .ok, let second = other else {
            // A store that admits one opener at a time says so.
            session.expect(
                outcome.code == .unreachable || outcome.code == .denied, .openTwice, "a second open() answered \(outcome)")
            first.close()
            return session.skip(.openTwice, "the keystore admits one instance at a time: a second open() answered \(outcome)")
        }
        let name = session.name("second")
        try ValueChecks.create(session, second, name, session.value(name), .openTwice)
        first.close()
        ValueChecks.expect(session, second, name, session.value(name), .openTwice)
        ValueChecks.expectListed(session, second, name, true, .openTwice)
        second.removeCreated()
        second.close()
    }

    static func reopen(_ session: Session) throws {
        let names = (0..<20).map { session.name("kept-\($0)") }
        let hasWarned = try session.withInstance(keepsNames: true) { store in
            for name in names { try ValueChecks.create(session, store, name, session.value(name, size: 3000), .reopen) }
            return store.loggedLevels.contains { $0 >= 2 }
        }
        try session.withInstance { store in
            store.adopt(names)
            let there = names.filter { store.get($0).outcome.code == .ok }
            guard !there.isEmpty else {
                session.expect(
                    !session.library.isDurable, .reopen,
                    "the plugin claims DURABLE, and nothing is there after close() and open()")
                session.expect(
                    hasWarned, .reopen,
                    "nothing is there after close() and open(), and no warning was logged in open() that values do not last")
                return session.tell("volatile")
            }
            for name in names { ValueChecks.expect(session, store, name, session.value(name, size: 3000), .reopen) }
            let outcome = store.create(names[0], session.value("other"))
            session.expect(outcome.code == .exists, .reopen, "create() of a name from before close() answered \(outcome)")
            let listed = store.list(prefix: session.prefix, limit: 1000).names
            session.expect(
                listed == names.sortedByBytes(), .reopen, "after close() and open() list() gives \(listed.count) of 20 names")
        }
    }
}
