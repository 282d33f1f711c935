import Testing

/// What is MemStore's own: its index of names, which is sorted when it is read.
@Suite struct MemStoreTests {
    @Test func indexForgetsRemovedNamesAndKeepsTheRest() throws {
        let store = try OpenKeystore(.mem, configuration: "{}")
        var names = Set<String>()
        // Waves of creates and deletes with listings between, so that runs of many lengths form, merge and are rebuilt.
        for wave in 0..<40 {
            for index in 0..<200 {
                let name = "key-\((wave * 131 + index * 7) % 2000)"
                if names.insert(name).inserted {
                    try store.create(name, [1])
                } else {
                    try store.delete(name)
                    names.remove(name)
                }
            }
            if wave % 3 != 0 { #expect(try store.listAll(page: 50) == names.sorted()) }
        }
        for name in names { try store.delete(name) }
        #expect(try store.list() == [])
        for index in 0..<10 { try store.create("again-\(index)", [1]) }
        #expect(try store.list().count == 10)
    }

    @Test func nameThatCameMoreThanOnceIsListedOnce() throws {
        let store = try OpenKeystore(.mem, configuration: "{}")
        for listing in 0..<4 {
            for round in UInt8(0)..<3 {
                try store.create("key", [round])
                if listing < 3 || round < 2 { try store.delete("key") }
            }
            #expect(try store.list() == (listing == 3 ? ["key"] : []))
        }
    }

    @Test func eachInstanceIsAStoreOfItsOwn() throws {
        let (first, second) = (try OpenKeystore(.mem, configuration: "null"), try OpenKeystore(.mem, configuration: "{}"))
        try first.create("key", [1])
        #expect(try second.list() == [])
        #expect(first.logLines == ["the keystore `mem` keeps keys in memory: they are lost when the server stops"])
    }
}
