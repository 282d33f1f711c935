/// SQLite in the tests' own process, past the keystore.
enum OwnSQLite {
    private static let loaded = Result {
        let directory = try TemporaryDirectory(inMemory: true)
        _ = try OpenKeystore(.sqlite, in: directory)
    }

    /// To be called before SQLite is: it takes the keystore's wiping allocator only before its first use in a process.
    static func prepare() throws { try loaded.get() }
}
