import NIOCore

/// The calls that wait for a thread.
///
/// A list may take seconds in a keystore of many keys, and whoever may list may ask for many. So lists run on a part of the threads only, may
/// fill a part of the queue only, and take turns with what is about one key.
struct CallQueue {
    private var ordinary = CircularBuffer<any PendingCall>()
    private var lists = CircularBuffer<any PendingCall>()
    private var runningLists = 0
    private var isListsTurn = false
    private let capacity: Int
    /// How many lists run at a time.
    private let listThreads: Int

    init(capacity: Int, threads: Int) {
        self.capacity = capacity
        listThreads = max(threads / 4, 1)
    }

    var count: Int { ordinary.count + lists.count }

    /// How many of them a free thread may take.
    var readyCount: Int { ordinary.count + min(lists.count, listThreads - runningLists) }

    /// How many calls are there already when one more may not wait; nil when it may.
    func excess(with call: any PendingCall) -> Int? {
        if call.isList, lists.count >= max(capacity / 2, 1) { return lists.count }
        return count >= capacity ? count : nil
    }

    mutating func append(_ call: any PendingCall) {
        if call.isList { lists.append(call) } else { ordinary.append(call) }
    }

    /// Takes out what runs next; nil when there is nothing, or only lists for which there is no thread.
    mutating func next() -> (any PendingCall)? {
        if runningLists < listThreads, isListsTurn || ordinary.isEmpty, let list = lists.popFirst() {
            runningLists += 1
            isListsTurn = false
            return list
        }
        isListsTurn = true
        return ordinary.popFirst()
    }

    /// A call that `next` gave has returned.
    mutating func returned(_ call: any PendingCall) {
        if call.isList { runningLists -= 1 }
    }

    mutating func removeAll() -> [any PendingCall] { remove { _ in true } }

    /// Takes out the calls whose time is up.
    mutating func removeOverdue(at now: MonotonicTime) -> [any PendingCall] { remove { $0.deadline <= now } }

    private mutating func remove(where isMeant: (any PendingCall) -> Bool) -> [any PendingCall] {
        let removed = ordinary.filter(isMeant) + lists.filter(isMeant)
        guard !removed.isEmpty else { return [] }
        ordinary.removeAll(where: isMeant)
        lists.removeAll(where: isMeant)
        return Array(removed)
    }

    var earliestDeadline: MonotonicTime? {
        [ordinary.lazy.map(\.deadline).min(), lists.lazy.map(\.deadline).min()].compactMap { $0 }.min()
    }
}
