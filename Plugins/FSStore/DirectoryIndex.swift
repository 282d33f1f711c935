import CFileSystem
import Glibc
import PluginKit

/// The names in the keystore's directory, read again only when the directory has changed.
///
/// A file system gives names in no useful order: a page of a list has to be found among all of them. Reading and sorting them
/// for each page would make a list of n names cost n² / page. So the sorted names are kept, with the directory's change time,
/// which every system sets when a name is added or removed, whoever does it, and which, unlike the modification time, no
/// program can set back.
///
/// A change time says nothing about changes that fall into the same tick of its clock. So names are kept for the next page
/// only when the directory had been quiet for longer than a tick when the reading began: every later change then has another
/// time. Until then each page reads the directory again, which is right and only slower.
///
/// One thread reads at a time, for all who asked before it began. 500,000 names take a second: read by each of the host's threads at
/// once they would keep all of them for longer than a call may last, and who wants a key would be told that the keystore is stuck.
final class DirectoryIndex: Sendable {
    private struct Snapshot: Sendable {
        let names: NameList
        let changed: timespec
    }

    private let directory: Directory
    private let isLocal: Bool
    private let snapshot = Lock<Snapshot?>(nil)
    private let reading = SharedReading<NameList>()

    init(_ directory: Directory) {
        self.directory = directory
        isLocal = DirectoryIndex.localFileSystems.contains(keswick_filesystem_type(directory.number))
    }

    /// All names that exist from before the call to after it, and possibly some that do not.
    func names(_ deadline: Deadline) throws(KeystoreError) -> NameList {
        try directory.checkPath()
        if let names = known(at: try directory.info().st_ctim) { return names }
        return try reading.value(until: deadline) { () throws(KeystoreError) in try readUnlessKnown(deadline) }
    }

    private func known(at changed: timespec) -> NameList? {
        snapshot.withLock { $0 }.flatMap { $0.changed == changed ? $0.names : nil }
    }

    private func readUnlessKnown(_ deadline: Deadline) throws(KeystoreError) -> NameList {
        let changed = try directory.info().st_ctim
        if let names = known(at: changed) { return names }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let names = try read(deadline)
        if isLocal, DirectoryIndex.isSettled(changed, at: now) {
            snapshot.withLock { $0 = Snapshot(names: names, changed: changed) }
        }
        return names
    }

    private func read(_ deadline: Deadline) throws(KeystoreError) -> NameList {
        var names = NameList()
        try directory.forEachEntry { name, kind throws(KeystoreError) in
            guard case .file = kind, KeyName.isValid(name) else { return }
            names.append(name)
            if names.count % 4096 == 0 { try deadline.check() }
        }
        names.sort()
        return names
    }

    /// Whether every change from `now` on gets another time than `changed`.
    private static func isSettled(_ changed: timespec, at now: timespec) -> Bool {
        // A time may be one that nanoseconds in 64 bits do not reach: any clock that was ever wrong sets it.
        let age = Duration.seconds(now.tv_sec) - .seconds(changed.tv_sec) + .nanoseconds(now.tv_nsec - changed.tv_nsec)
        // Linux takes times from a clock that ticks every 1 to 10 ms. Some formats keep whole seconds only (ext3, small
        // inodes of ext4): such a time has no nanoseconds.
        return age > (changed.tv_nsec == 0 ? .milliseconds(2100) : .milliseconds(50))
    }

    /// The file systems whose times come from this machine's clock (magic numbers of statfs(2)): ext2 to ext4, XFS, Btrfs, tmpfs,
    /// overlayfs, F2FS, ZFS. On any other, such as NFS, the clock may be another machine's, and no reading is kept.
    private static let localFileSystems: Set<UInt> = [
        0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630, 0xF2F5_2010, 0x2FC1_2FC1,
    ]
}

extension timespec {
    fileprivate static func == (left: timespec, right: timespec) -> Bool {
        left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec
    }
}
