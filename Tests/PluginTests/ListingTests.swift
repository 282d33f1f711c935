import Foundation
import PluginAPI
import Synchronization
import Testing

/// What the ABI promises of `list`.
@Suite struct ListingTests {
    @Test(arguments: Backend.allCases)
    func pagesOfEverySizeMakeTheWholeListInOrder(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let names = (0..<60).map { "key-\($0)" } + ["K", "a", "key", "key-", "key.", "key_", "z"]
        for name in names.shuffled() { try store.create(name, [1]) }
        let ordered = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for page in [1, 2, 3, 7, 66, 67, 68, 1000, Int.max] {
            #expect(try store.listAll(page: page) == ordered, "pages of \(page)")
        }
        // A `size_t` above the largest `Int`.
        #expect(try store.list(limit: -1) == ordered)
    }

    @Test(arguments: Backend.allCases)
    func prefixAndPositionSelectExactly(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let names = ["a", "a-", "a-1", "a.", "aa", "ab", "abc", "b", "zz", "zzz", "B", "0"]
        for name in names { try store.create(name, [1]) }
        let texts = ["", "a", "a-", "aa", "ab", "abc", "abd", "z", "zz", "zzz", "zzzz", "-", "_", ".", "..a", "9", "Z"]
        let long = String(repeating: "a", count: 200)
        for prefix in texts + [long] {
            for after in texts + [long] {
                let expected = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.filter {
                    $0.hasPrefix(prefix) && (after.utf8.lexicographicallyPrecedes($0.utf8))
                }
                #expect(try store.list(prefix: prefix, after: after) == expected, "prefix \(prefix) after \(after)")
                #expect(try store.list(prefix: prefix, after: after, limit: 2) == Array(expected.prefix(2)))
            }
        }
    }

    @Test(arguments: Backend.allCases)
    func listSeesEveryChangeAtOnce(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        var model: Set<String> = []
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let name = "key-\(Int.random(in: 0..<40, using: &random))"
            if model.contains(name), Bool.random(using: &random) {
                try store.delete(name)
                model.remove(name)
            } else if model.insert(name).inserted {
                try store.create(name, [1])
            }
            #expect(try store.list() == model.sorted())
        }
    }

    /// Names that exist throughout are given exactly once and in order, whatever is created and deleted between and during
    /// the pages.
    @Test(arguments: Backend.allCases)
    func namesThatExistThroughoutAreListedOnceWhileOthersComeAndGo(_ backend: Backend) throws {
        let directory = try TemporaryDirectory()
        let store = try OpenKeystore(backend, in: directory)
        let lasting = (0..<200).map { String(format: "key-%04d", $0 * 2) }
        for name in lasting { try store.create(name, [1]) }
        let done = Atomic(false)
        DispatchQueue.concurrentPerform(iterations: 3) { worker in
            do {
                if worker == 0 {
                    defer { done.store(true, ordering: .sequentiallyConsistent) }
                    for round in 0..<30 {
                        let names = try store.listAll(page: 1 + round * 3)
                        #expect(names == Array(Set(names)).sorted())
                        #expect(names.filter(Set(lasting).contains) == lasting)
                    }
                    return
                }
                var round = 0
                while !done.load(ordering: .sequentiallyConsistent) {
                    let name = String(format: "key-%04d", ((round * 7919) % 200) * 2 + 1) + "-\(worker)"
                    try store.create(name, [1])
                    try store.delete(name)
                    round += 1
                }
            } catch { Issue.record(error) }
        }
    }
}
