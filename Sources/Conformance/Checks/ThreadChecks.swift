import NIOConcurrencyHelpers

/// Several callers at once; one at a time, from several threads, if the plugin is SERIAL.
enum ThreadChecks {
    private static let threads = 8

    static func race(_ session: Session) throws {
        try session.withInstance { store in
            let rounds = 200
            let winners = NIOLockedValueBox([[Int]](repeating: [], count: rounds))
            Threads.run(threads) { thread in
                for round in 0..<rounds {
                    let name = session.name("race-\(round)")
                    let outcome = store.create(name, session.value("\(name) by \(thread)", size: 64))
                    switch outcome.code {
                    case .ok: winners.withLockedValue { $0[round].append(thread) }
                    case .exists: break
                    default: session.fail(.threadsRace, "create(\"\(name)\") by one of \(threads) threads answered \(outcome)")
                    }
                }
            }
            for (round, threads) in winners.withLockedValue({ $0 }).enumerated() {
                let name = session.name("race-\(round)")
                guard threads.count == 1, let winner = threads.first else {
                    session.fail(.threadsRace, "create(\"\(name)\") answered OK to \(threads.count) of 8 threads")
                    continue
                }
                ValueChecks.expect(session, store, name, session.value("\(name) by \(winner)", size: 64), .threadsRace)
            }
            let listed = store.list(prefix: session.name("race-"), limit: 1000).names
            session.expect(listed.count == rounds, .threadsRace, "list() gives \(listed.count) of \(rounds) names")
        }
    }

    /// Each thread has names of its own, which it creates, reads and removes, and looks at those of others meanwhile.
    static func mixed(_ session: Session) throws {
        try session.withInstance { store in
            let steady = try ListChecks.fill(session, store, (0..<20).map { "steady-\($0)" }, .threadsMixed).sortedByBytes()
            Threads.run(threads) { thread in
                var random = SplitMix(seed: session.seed + UInt64(thread))
                for round in 0..<40 {
                    let name = session.name("t\(thread)-\(round % 5)")
                    let size = Int(random.next() % 9000) + 1
                    let value = session.value("\(name) \(round)", size: size)
                    let created = store.create(name, value)
                    session.expect(
                        created.code == .ok, .threadsMixed,
                        "create(\"\(name)\") of a name that no other thread uses answered \(created)")
                    ValueChecks.expect(session, store, name, value, .threadsMixed)
                    let again = store.create(name, value)
                    session.expect(again.code == .exists, .threadsMixed, "a second create(\"\(name)\") answered \(again)")
                    if let other = steady.randomElement(using: &random) {
                        ValueChecks.expect(session, store, other, session.value(other, size: 32), .threadsMixed)
                    }
                    let listed = store.list(prefix: session.name("steady-"), limit: 1000).names
                    session.expect(listed == steady, .threadsMixed, "list() gave \(listed.count) of 20 names that nobody changes")
                    let removed = store.remove(name)
                    session.expect(
                        removed.code == .ok, .threadsMixed,
                        "remove(\"\(name)\") of a name that no other thread uses answered \(removed)")
                    let gone = store.get(name).outcome
                    session.expect(gone.code == .notFound, .threadsMixed, "get(\"\(name)\") after its remove() answered \(gone)")
                }
            }
        }
    }
}
