/// The steps of checks that take several processes.
enum Procedure: String, Sendable {
    case open = "step.open"
    case write = "step.write"
    case verify = "step.verify"
    case race = "step.race"
    case fill = "step.fill"
    case audit = "step.audit"
    case keep = "step.keep"
    case inspect = "step.inspect"
    case sweep = "step.sweep"

    func run(_ session: Session) throws {
        switch self {
        case .open: open(session)
        case .write: try write(session)
        case .verify: try verify(session)
        case .race: race(session)
        case .fill: try fill(session)
        case .audit: try audit(session)
        case .keep: try keep(session)
        case .inspect: inspect(session)
        case .sweep: Sweep.run(session)
        }
    }

    // MARK: Before all others

    /// Tells `opens`, or `refuses` and why.
    private func open(_ session: Session) {
        var instance: Instance?
        let outcome = Instance.open(session, configuration: session.configuration, instance: &instance)
        session.tell(instance == nil ? "refuses \(outcome)" : "opens")
        instance?.close()
    }

    // MARK: close.reopen

    private static let kept = 10

    private func write(_ session: Session) throws {
        let store = try session.open()
        for number in 0..<Self.kept {
            let name = session.name("process-\(number)")
            try ValueChecks.create(session, store, name, session.value(name, size: 3000), .reopen)
        }
        // Without close(): a server may be killed.
    }

    private func verify(_ session: Session) throws {
        let store = try session.open()
        for number in 0..<Self.kept {
            let name = session.name("process-\(number)")
            ValueChecks.expect(session, store, name, session.value(name, size: 3000), .reopen)
            if !session.isFresh { _ = store.remove(name) }
        }
        store.close()
    }

    // MARK: processes.race

    static let raceNames = 200

    /// Tells `ready`, or `refused` and why; at each line that comes, goes on: creates, tells the names that it won; tells whose values
    /// it reads; and ends.
    private func race(_ session: Session) {
        var instance: Instance?
        let outcome = Instance.open(session, configuration: session.configuration, instance: &instance)
        guard outcome.code == .ok, let store = instance else { return session.tell("refused \(outcome)") }
        session.tell("ready")
        guard let number = Commands.line() else { return }
        for round in 0..<Self.raceNames {
            let name = session.name("race-\(round)")
            let outcome = store.create(name, session.value("\(name) by \(number)", size: 64))
            switch outcome.code {
            case .ok: session.tell("won \(round)")
            case .exists: break
            default: session.fail(.processRace, "create(\"\(name)\") by one of two processes answered \(outcome)")
            }
        }
        session.tell("done")
        guard Commands.line() != nil else { return }
        for round in 0..<Self.raceNames {
            let name = session.name("race-\(round)")
            let value = store.get(name).value
            let owner = ["0", "1"].first { value == session.value("\(name) by \($0)", size: 64) }
            session.tell("has \(round) \(owner ?? "nobody")")
        }
        session.tell("done")
        guard Commands.line() != nil else { return }
        // Whoever created a name removes it.
        if !session.isFresh { store.removeCreated() }
        store.close()
    }

    // MARK: open.foreign, open.damaged

    static let names = 40

    private func keep(_ session: Session) throws {
        let store = try session.open()
        for number in 0..<Self.names {
            let name = session.name("file-\(number)")
            try ValueChecks.create(session, store, name, session.value(name, size: 60 + number), .createStores)
        }
        store.close()
    }

    /// Tells `refused`, or how many of the names have their values.
    private func inspect(_ session: Session) {
        var instance: Instance?
        let outcome = Instance.open(session, configuration: session.configuration, instance: &instance)
        guard outcome.code == .ok, let store = instance else { return session.tell("refused") }
        let names = (0..<Self.names).map { session.name("file-\($0)") }
        let there = names.enumerated().count { store.get($1).value == session.value($1, size: 60 + $0) }
        session.tell("opened \(there)")
        store.close()
    }

    // MARK: durable.kill

    static let threads = 4

    /// Creates names until it is killed, and tells each that was answered OK.
    private func fill(_ session: Session) throws {
        let store = try session.open()
        Threads.run(session.library.isSerial ? 1 : Self.threads) { thread in
            var number = 0
            while true {
                let name = session.name("\(thread)-\(number)")
                let outcome = store.create(name, Self.durableValue(session, name, number))
                guard outcome.code == .ok else {
                    return session.fail(.durableKill, "create(\"\(name)\") answered \(outcome) while nothing was wrong")
                }
                session.tell("ok \(thread)")
                number += 1
            }
        }
    }

    private static func durableValue(_ session: Session, _ name: String, _ number: Int) -> [UInt8] {
        session.value(name, size: number % 16 == 7 ? 20_000 : 50 + number % 1000)
    }

    /// Reads a line with the numbers of names that each thread had created, and looks at what is there of them.
    private func audit(_ session: Session) throws {
        guard let line = Commands.line() else { return }
        let counts = line.split(separator: " ").compactMap { Int($0) }
        let store = try session.open()
        var there: [String] = []
        for (thread, count) in counts.enumerated() {
            for number in 0..<count {
                let name = session.name("\(thread)-\(number)")
                ValueChecks.expect(session, store, name, Self.durableValue(session, name, number), .durableKill)
                there.append(name)
            }
            // The one that was on its way: wholly or not at all.
            let name = session.name("\(thread)-\(count)")
            let (outcome, value) = store.get(name)
            switch outcome.code {
            case .ok:
                session.expect(
                    value == Self.durableValue(session, name, count), .durableKill,
                    "get(\"\(name)\"), whose create() was interrupted, gave something else than its value")
                there.append(name)
            case .notFound: break
            default: session.fail(.durableKill, "get(\"\(name)\"), whose create() was interrupted, answered \(outcome)")
            }
        }
        let listed = try ListChecks.pages(session, store, prefix: session.prefix, size: 1000, .durableKill)
        session.expect(
            listed == there.sortedByBytes(), .durableKill,
            "after a kill list() gives \(counted(listed.count, "name")) and get() \(there.count); only in one: "
                + "\(Set(listed).symmetricDifference(there).sorted().prefix(3))")
        if !session.isFresh { for name in there { _ = store.remove(name) } }
        store.close()
    }
}
