/// A check of one rule that runs in a worker process of its own.
struct Check: Sendable {
    let rule: Rule
    /// Other rules that it looks at on its way; it notes that it has tried them when it has come so far.
    var also: [Rule] = []
    /// How the worker is started.
    var environment = Environment.plain
    let run: @Sendable (Session) throws -> Void

    enum Environment: Sendable {
        /// Freed memory is filled, so that what reads it gets wrong results.
        case plain
        /// Memory as the system gives it.
        case untouched
        /// With the C library's checks of every block that is freed.
        case checkedHeap
    }

    /// In the order in which they run.
    static let all: [Check] = tables + values + names + listings + lifetimes + concurrency + resources

    private static let tables = [
        // The worker has loaded the library and looked at the table before any check; these two have only that to show.
        Check(rule: .library) { _ in },
        Check(rule: .table) { _ in },
        Check(rule: .openMalformed, run: ConfigurationChecks.malformed),
        Check(rule: .openUnknownMember, run: ConfigurationChecks.unknownMember),
        Check(rule: .statusOK, run: LifeChecks.status),
    ]

    private static let values = [
        Check(rule: .createStores, run: ValueChecks.stores),
        Check(rule: .createExists, run: ValueChecks.exists),
        Check(rule: .getMissing, run: ValueChecks.missing),
        Check(rule: .deleteRemoves, run: ValueChecks.removes),
        Check(rule: .deleteMissing, run: ValueChecks.removesNothing),
        Check(rule: .valueBytes, run: ValueChecks.bytes),
        Check(rule: .valueSizes, run: ValueChecks.sizes),
        Check(rule: .valueEmpty, run: ValueChecks.empty),
        Check(rule: .valueTooLarge, run: ValueChecks.tooLarge),
        Check(rule: .valueBorrowed, run: ValueChecks.borrowed),
    ]

    private static let names = [
        Check(rule: .namesAllowed, run: NameChecks.allowed),
        Check(rule: .namesDistinct, run: NameChecks.distinct),
        Check(rule: .namesInvalid, run: NameChecks.invalid),
    ]

    private static let listings = [
        Check(rule: .listBounds, run: ListChecks.bounds),
        Check(rule: .listOrder, run: ListChecks.order),
        Check(rule: .listPrefix, run: ListChecks.prefix),
        Check(rule: .listAfter, run: ListChecks.after),
        Check(rule: .listLimit, run: ListChecks.limit),
        Check(rule: .listPages, also: [.listCost], run: PageChecks.pages),
        Check(rule: .listChanges, run: PageChecks.changes),
    ]

    private static let lifetimes = [
        Check(rule: .deadlinePassed, run: LifeChecks.passedDeadline),
        Check(rule: .deadlineFar, run: LifeChecks.farDeadline),
        Check(rule: .openTwice, run: LifeChecks.twice),
        Check(rule: .reopen, run: LifeChecks.reopen),
    ]

    private static let concurrency = [
        Check(rule: .threadsMixed, run: ThreadChecks.mixed),
        Check(rule: .threadsRace, run: ThreadChecks.race),
    ]

    private static let resources = [
        Check(rule: .closeReleases, environment: .untouched, run: ResourceChecks.close),
        Check(rule: .leaks, environment: .untouched, run: ResourceChecks.leaks),
        Check(rule: .heap, environment: .checkedHeap, run: ResourceChecks.heap),
        Check(rule: .processState, run: ResourceChecks.processState),
    ]
}
