import NIOConcurrencyHelpers

/// list() over many pages, with and without changes meanwhile.
enum PageChecks {
    private static let count = 10_000

    static func pages(_ session: Session) throws {
        try session.withInstance { store in
            var random = SplitMix(seed: session.seed)
            // Of many lengths, so that neither their number nor their size is the same for two pages.
            let tails = (0..<count).map { "p\(String($0, radix: 36))-" + String(repeating: "x", count: Int(random.next() % 60)) }
            let few = tails.prefix(100)
            let small = try cost(session, store, create: few.map(session.name))
            let large = try cost(session, store, create: tails.dropFirst(100).map(session.name))
            let names = tails.map(session.name).sortedByBytes()
            for size in [1000, 997, 4096, count, 37] {
                let listed = try ListChecks.pages(session, store, prefix: session.prefix, size: size, .listPages)
                guard listed != names else { continue }
                let lost = Set(names).subtracting(listed).sorted()
                let added = Set(listed).subtracting(names).sorted()
                session.fail(
                    .listPages,
                    "pages of \(size) gave \(listed.count) of \(names.count) names; missing: \(lost.count) (\(lost.prefix(3))), "
                        + "nobody's: \(added.count), twice: \(listed.count - Set(listed).count)")
            }
            // One name a page, around the place where pages of 1000 end.
            var after = names[990]
            for expected in names[991...1010] {
                let page = store.list(prefix: session.prefix, after: after, limit: 1).names
                session.expect(page == [expected], .listPages, "list(after \"\(after)\", limit 1) gave \(page), not \(expected)")
                after = expected
            }
            // A hundred times the names: whoever reads them all for each page takes a hundred times as long.
            session.noteTried(.listCost)
            if large > 20 * max(small, 20_000) {
                session.warn(
                    .listCost, "a page of 10 of \(count) names took \(large / 1000) µs, of 100 names \(small / 1000) µs")
            }
        }
    }

    /// Creates names, on several threads where the plugin allows it, and measures a page of ten: the best of several, in nanoseconds.
    private static func cost(_ session: Session, _ store: Instance, create names: [String]) throws -> UInt64 {
        let threads = session.library.isSerial ? 1 : 8
        let failed = NIOLockedValueBox<String?>(nil)
        Threads.run(threads) { thread in
            for name in stride(from: thread, to: names.count, by: threads).lazy.map({ names[$0] }) {
                let outcome = store.create(name, session.value(name, size: 32))
                if outcome.code != .ok { failed.withLockedValue { $0 = "create(\"\(name)\") answered \(outcome)" } }
            }
        }
        if let failed = failed.withLockedValue({ $0 }) { throw session.stop(.listPages, failed) }
        return (0..<5).map { _ in
            let start = monotonicNow()
            _ = store.list(prefix: session.prefix, limit: 10)
            return monotonicNow() - start
        }.min() ?? 0
    }

    static func changes(_ session: Session) throws {
        try session.withInstance { store in
            let staying = try ListChecks.fill(session, store, (0..<400).map { "s\($0 * 7919 % 1000)" }, .listChanges)
                .sortedByBytes()
            var random = SplitMix(seed: session.seed)
            // Between two pages others come and go around the place where the last one ended.
            for size in [1, 10, 50] {
                var listed: [String] = []
                var passing: [String] = []
                while true {
                    let (outcome, page) = store.list(prefix: session.prefix, after: listed.last ?? "", limit: size)
                    guard outcome.code == .ok else { throw session.stop(.listChanges, "list() answered \(outcome)") }
                    guard page.isPage(behind: listed.last ?? "") else {
                        throw session.stop(.listChanges, "the page behind \"\(listed.last ?? "")\" is not in order")
                    }
                    listed += page
                    if page.count < size { break }
                    for name in passing { _ = store.remove(name) }
                    passing = (0..<2).map { _ in (staying.randomElement(using: &random) ?? "") + "-t" }
                    if let last = listed.last { passing.append(String(last.dropLast()) + "-t") }
                    passing = Set(passing).sorted()
                    for name in passing { _ = store.create(name, session.value(name, size: 32)) }
                }
                for name in passing { _ = store.remove(name) }
                compare(session, listed, staying, "pages of \(size) while names came and went between them")
            }
            guard !session.library.isSerial else { return }
            concurrently(session, store, staying)
        }
    }

    /// The same, with the changes on other threads, at any moment.
    private static func concurrently(_ session: Session, _ store: Instance, _ staying: [String]) {
        let isOver = NIOLockedValueBox(false)
        Threads.run(3) { thread in
            if thread == 0 {
                for size in [7, 60] {
                    guard let listed = try? ListChecks.pages(session, store, prefix: session.prefix, size: size, .listChanges)
                    else { break }
                    compare(session, listed, staying, "pages of \(size) while other threads made changes")
                }
                isOver.withLockedValue { $0 = true }
            } else {
                var random = SplitMix(seed: session.seed + UInt64(thread))
                while !isOver.withLockedValue({ $0 }) {
                    let name = (staying.randomElement(using: &random) ?? "") + "-c\(thread)"
                    _ = store.create(name, session.value(name, size: 32))
                    _ = store.remove(name)
                }
            }
        }
    }

    private static func compare(_ session: Session, _ listed: [String], _ staying: [String], _ how: String) {
        let isStaying = Set(staying)
        let found = listed.filter(isStaying.contains)
        session.expect(
            found == staying, .listChanges,
            "\(how): of \(staying.count) names that stayed, missing: \(isStaying.subtracting(found).count), "
                + "twice: \(found.count - Set(found).count)")
    }
}
