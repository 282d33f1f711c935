import Testing

/// A promise that the fixture keystore can break, and how `kes plugin check` has to notice.
struct BrokenPlugin: Sendable, CustomTestStringConvertible {
    /// The name in breaks.h.
    var promise: String
    /// The rule that must be reported.
    var rule: String
    /// The rule whose check shows it; the rule itself unless it is one that all checks watch over.
    var shownBy: String
    /// Further arguments for the check.
    var arguments: [String]
    /// Which fixture it is, and what its configuration names.
    var (fixture, path) = ("keystore", "{dir}")

    init(_ promise: String, _ rule: String, shownBy: String? = nil, _ arguments: String...) {
        self.promise = promise
        self.rule = rule
        self.shownBy = shownBy ?? rule
        self.arguments = arguments
    }

    var testDescription: String { "\(promise) breaks \(rule)" }

    static let all: [BrokenPlugin] = tables + values + names + listings + lives + resources + files

    private static let tables = [
        BrokenPlugin("NO_ENTRY", "load.library"),
        BrokenPlugin("OTHER_VERSION", "load.table"),
        BrokenPlugin("BAD_NAME", "load.table"),
        BrokenPlugin("UNKNOWN_FLAG", "load.table"),
        BrokenPlugin("NO_GET", "load.table"),
        BrokenPlugin("MALFORMED_CONFIGURATION", "open.malformed"),
        BrokenPlugin("UNKNOWN_MEMBERS", "open.unknown-member"),
        BrokenPlugin("ONE_INSTANCE", "open.twice"),
    ]

    private static let values = [
        BrokenPlugin("OVERWRITES", "create.exists"),
        BrokenPlugin("REPLACES_AND_SAYS_EXISTS", "create.exists"),
        BrokenPlugin("EMPTY_FOR_MISSING", "get.missing"),
        BrokenPlugin("MISSING_IS_INTERNAL", "get.missing"),
        BrokenPlugin("REMOVES_NOTHING_GLADLY", "delete.missing"),
        BrokenPlugin("EMPTIES", "delete.removes"),
        BrokenPlugin("STRINGS", "values.bytes"),
        BrokenPlugin("SMALL_VALUES", "values.sizes"),
        BrokenPlugin("LARGE_VALUES", "values.too-large"),
        BrokenPlugin("EMPTY_IS_MISSING", "values.empty"),
        BrokenPlugin("KEEPS_POINTERS", "values.borrowed"),
        BrokenPlugin("TELLS_VALUES", "errors.secrets", shownBy: "values.too-large"),
        BrokenPlugin("SILENT_FAILURES", "errors.messages", shownBy: "names.invalid"),
        BrokenPlugin("TWO_MESSAGES", "errors.messages", shownBy: "names.invalid"),
        BrokenPlugin("VAST_MESSAGES", "calls.sinks", shownBy: "names.invalid"),
        BrokenPlugin("UNKNOWN_RESULT", "calls.answers", shownBy: "create.exists"),
        BrokenPlugin("GIVES_TWICE", "calls.sinks", shownBy: "create.stores"),
        BrokenPlugin("OTHER_THREAD", "calls.sinks", shownBy: "create.stores"),
    ]

    private static let names = [
        BrokenPlugin("LOOSE_NAMES", "names.invalid"),
        BrokenPlugin("FOLDS_CASE", "names.distinct"),
        BrokenPlugin("SHORT_NAMES", "names.allowed"),
    ]

    private static let listings = [
        BrokenPlugin("LOOSE_BOUNDS", "list.bounds"),
        BrokenPlugin("LOCALE_ORDER", "list.order"),
        BrokenPlugin("IGNORES_PREFIX", "list.prefix"),
        BrokenPlugin("AFTER_INCLUDES", "list.after"),
        BrokenPlugin("ONE_TOO_MANY", "list.limit"),
        BrokenPlugin("LOSES_AT_BOUNDARY", "list.pages"),
        BrokenPlugin("COUNTS_POSITIONS", "list.changes"),
    ]

    private static let lives = [
        BrokenPlugin("NEVER_WELL", "status.ok"),
        BrokenPlugin("IGNORES_DEADLINE", "deadlines.passed"),
        BrokenPlugin("LATE_BUT_STORED", "deadlines.passed"),
        BrokenPlugin("SIGNED_DEADLINE", "deadlines.far"),
        BrokenPlugin("SHARED_BUFFER", "threads.mixed"),
        BrokenPlugin("LOOK_THEN_WRITE", "threads.race"),
        BrokenPlugin("LOOK_THEN_WRITE", "processes.race"),
        BrokenPlugin("VOLATILE", "close.reopen"),
        BrokenPlugin("NOT_ATOMIC", "durable.kill", "--durable"),
    ]

    private static let resources = [
        BrokenPlugin("CRASHES_IN_CLOSE", "process.crash", shownBy: "status.ok"),
        BrokenPlugin("EXITS", "process.crash", shownBy: "status.ok"),
        BrokenPlugin("HANGS", "process.hang", shownBy: "status.ok", "--timeout", "1"),
        BrokenPlugin("LEAKS", "memory.leaks"),
        BrokenPlugin("LEAKS_INSTANCES", "close.releases"),
        BrokenPlugin("LEAKS_FILES", "close.releases"),
        BrokenPlugin("HEAP_OVERFLOW", "memory.heap"),
        BrokenPlugin("DOUBLE_FREE", "process.crash", shownBy: "status.ok"),
        BrokenPlugin("CHANGES_UMASK", "process.state"),
        BrokenPlugin("PRINTS", "process.silent", shownBy: "status.ok"),
    ]

    private static let files = [
        BrokenPlugin("TAKES_FOREIGN_FILES", "open.foreign"),
        BrokenPlugin("EMPTIES_FOREIGN_FILES", "open.foreign"),
        BrokenPlugin("CUTS_OFF_DAMAGE", "open.damaged"),
        BrokenPlugin("SKIPS_BEHIND_DAMAGE", "open.damaged"),
    ].map { plugin in
        var plugin = plugin
        (plugin.fixture, plugin.path) = ("onefile", "{dir}/keys")
        return plugin
    }
}
