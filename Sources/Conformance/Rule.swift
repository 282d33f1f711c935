/// One rule of the plugin interface: what `kes plugin check` reports on.
package struct Rule: Hashable, Sendable {
    /// `AREA.RULE`, stable: scripts may rely on it.
    package let id: String
    /// What the interface demands, in one or two sentences.
    package let expectation: String

    private init(_ id: String, _ expectation: String) {
        self.id = id
        self.expectation = expectation
    }

    package static func named(_ id: String) -> Rule? { all.first { $0.id == id } }

    // MARK: Rules with a check of their own

    static let library = Rule("load.library", "The library loads with RTLD_NOW and exports keswick_keystore_plugin().")
    static let table = Rule(
        "load.table",
        "The entry point returns one constant table: version 1, its size, a name of a-z 0-9 - _, a version, known flags, all functions."
    )
    static let openMalformed = Rule(
        "open.malformed", "open() answers INVALID, with a message, to a configuration that is not well-formed JSON.")
    static let openUnknownMember = Rule(
        "open.unknown-member", "open() answers INVALID to a configuration with a member that the plugin does not know.")
    static let openForeign = Rule(
        "open.foreign", "open() refuses a file that the keystore did not write, and leaves it as it is.")
    static let openDamaged = Rule(
        "open.damaged",
        "A changed byte in the keystore's file costs at most the key that it belongs to: open() refuses the file, or all others are "
            + "there; and the file is left as it is.")
    static let openTwice = Rule(
        "open.twice", "Instances are independent: two at once work, and closing one leaves the other as it was.")
    static let createStores = Rule("create.stores", "After create() said OK, get() gives the exact bytes and list() the name.")
    static let createExists = Rule(
        "create.exists", "create() of a name that is taken answers EXISTS and leaves the stored value as it was.")
    static let getMissing = Rule("get.missing", "get() of a name that is not there answers NOT_FOUND and gives no value.")
    static let deleteRemoves = Rule(
        "delete.removes", "After remove() said OK, get() and list() do not show the name, and it is free for another create().")
    static let deleteMissing = Rule("delete.missing", "remove() of a name that is not there answers NOT_FOUND.")
    static let valueBytes = Rule("values.bytes", "A value may hold every byte, zero included, at every place.")
    static let valueSizes = Rule("values.sizes", "Values of 1 byte to 1 MiB come back whole.")
    static let valueEmpty = Rule(
        "values.empty", "An empty value is stored and given back, or refused with INVALID and not listed.")
    static let valueTooLarge = Rule("values.too-large", "A value of more than 1 MiB is refused with INVALID and not listed.")
    static let valueBorrowed = Rule(
        "values.borrowed", "What the host passes in is valid during the call only: the plugin copies what it keeps.")
    static let namesAllowed = Rule(
        "names.allowed", "Every name of 1 to 128 bytes of 0-9 A-Z a-z - _ . that does not begin with a dot can be stored.")
    static let namesDistinct = Rule("names.distinct", "Names that differ in a single byte, or in case only, are different names.")
    static let namesInvalid = Rule(
        "names.invalid", "create(), get() and remove() answer INVALID to any other name, and store nothing.")
    static let listBounds = Rule(
        "list.bounds", "list() answers INVALID to a limit of 0, and to a prefix or position that no name can have.")
    static let listOrder = Rule("list.order", "list() gives names in bytewise ascending order.")
    static let listPrefix = Rule("list.prefix", "list() gives all names that begin with the prefix, and no others.")
    static let listAfter = Rule("list.after", "list() begins behind `after`, whether there is such a name or not.")
    static let listLimit = Rule("list.limit", "list() gives at most `limit` names, and fewer only when there are no more.")
    static let listPages = Rule("list.pages", "Of 10,000 names, pages of any size give each exactly once.")
    static let listChanges = Rule(
        "list.changes",
        "A name that exists from the first page to the last is given exactly once, whatever else changes meanwhile.")
    static let listCost = Rule(
        "list.cost", "The cost of a page grows with the page, not with the store, where the backend allows it.")
    static let statusOK = Rule("status.ok", "status() of an open, healthy keystore answers OK.")
    static let deadlinePassed = Rule(
        "deadlines.passed", "A call whose deadline has passed answers TIMEOUT, and a create() leaves nothing.")
    static let deadlineFar = Rule("deadlines.far", "A deadline may lie as far ahead as 64 bits can say.")
    static let threadsMixed = Rule(
        "threads.mixed", "Several threads may call at once, unless the flags say SERIAL: no call sees another's half-done work.")
    static let threadsRace = Rule(
        "threads.race", "Of creates of one name from several threads, one answers OK and the others EXISTS.")
    static let processRace = Rule(
        "processes.race", "Of creates of one name from two processes, one answers OK and the other EXISTS.")
    static let reopen = Rule(
        "close.reopen",
        "What was stored is there after close() and open(), in this process and in another. A keystore that keeps values "
            + "in memory only does not claim DURABLE, and logs a warning in open().")
    static let closeReleases = Rule("close.releases", "close() gives back the memory, files and threads of its instance.")
    static let leaks = Rule("memory.leaks", "Repeated calls, failing ones included, do not use more and more memory.")
    static let heap = Rule("memory.heap", "The plugin writes only to memory that is its own, and frees it once.")
    static let processState = Rule(
        "process.state",
        "The process is the server's: the plugin leaves its signal handlers, umask, working directory and environment alone.")
    static let durableKill = Rule(
        "durable.kill",
        "After a kill at any moment, every create() that said OK is there whole, and any other wholly or not at all.")

    // MARK: Rules that every check watches over

    static let answers = Rule("calls.answers", "Every function answers with one of its own results.")
    static let sinks = Rule(
        "calls.sinks",
        "A sink is called on its thread, before the function returns, and as often as the header says: once for a value.")
    static let listAnswers = Rule(
        "calls.list", "Whatever list() gives is a valid name with the prefix, greater than the one before, and within the limit.")
    static let messages = Rule(
        "errors.messages", "A failure comes with one message in UTF-8 for the operator; OK, EXISTS and NOT_FOUND need none.")
    static let secrets = Rule("errors.secrets", "No message, log line or output holds a stored value or a part of one.")
    static let silence = Rule("process.silent", "The plugin writes to the host's log, not to standard output or standard error.")
    static let crash = Rule("process.crash", "No call ends the process.")
    static let hang = Rule("process.hang", "Every call returns.")

    /// Whether every check watches over it, and none is made for it.
    package var isWatched: Bool { Self.watched.contains(self) }
    /// Why nothing is known of a rule that every check watches over when none has come by what it speaks of; nil when each does.
    var untried: String? {
        switch self {
        case .sinks: "no sink was given to the plugin for a value or name, and no call failed"
        case .listAnswers: "list() was not called"
        case .messages: "no call failed"
        case .secrets: "no value was given to the plugin"
        default: nil
        }
    }
    /// Whether it takes `--durable`.
    package var needsKills: Bool { self == .durableKill }

    /// Those of the library alone: nothing is opened for them.
    static let ofLibrary: Set<Rule> = [library, table]

    /// Those that every check watches over.
    static let watched: Set<Rule> = [answers, sinks, listAnswers, messages, secrets, silence, crash, hang]

    /// In the order of the report.
    package static let all: [Rule] = [
        library, table, openMalformed, openUnknownMember, openForeign, openDamaged, openTwice, createStores, createExists,
        getMissing, deleteRemoves,
        deleteMissing, valueBytes, valueSizes, valueEmpty, valueTooLarge, valueBorrowed, namesAllowed, namesDistinct,
        namesInvalid,
        listBounds, listOrder, listPrefix, listAfter, listLimit, listPages, listChanges, listCost, statusOK, deadlinePassed,
        deadlineFar, threadsMixed, threadsRace, processRace, reopen, closeReleases, leaks, heap, processState, durableKill,
        answers, sinks, listAnswers, messages, secrets, silence, crash, hang,
    ]
}
