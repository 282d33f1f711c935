import CLinux
import Glibc
import Host
import TestSupport
import Testing

@Suite("A file that someone else could have written is refused")
struct FileTrustTests {
    /// Groups count as shared unless a test says otherwise: which ones are depends on the machine.
    private func refusal(
        _ path: String, user: UInt32 = geteuid(), isPrivate: @escaping (UInt32) -> Bool = { _ in false }
    ) -> FileTrust.Problem? {
        do {
            _ = try FileTrust.open(path, user: user, isPrivate: isPrivate)
            return nil
        } catch {
            if case .untrusted(_, let problem) = error { return problem }
            Issue.record("\(error)")
            return nil
        }
    }

    private func directory(_ mode: mode_t, _ path: String) {
        mkdir(path, 0o700)
        chmod(path, mode)
    }

    @Test("ours in a directory of ours is trusted, also below a sticky /tmp")
    func trusted() throws {
        let root = try TemporaryDirectory()
        let path = try root.write("x", to: "file", mode: 0o644)
        let file = try #require(try FileTrust.open(path))
        #expect(file.path == path)
        #expect(file.directory == root.path)
        #expect(file.isStillInPlace())
    }

    @Test("what is not there is not an error")
    func absent() throws {
        let root = try TemporaryDirectory()
        let file = try root.write("x", to: "file")
        #expect(try FileTrust.open(root.file("none")) == nil)
        #expect(try FileTrust.open(root.file("none/file")) == nil)
        #expect(try FileTrust.open(file + "/below") == nil)
    }

    @Test("others may write to it", arguments: [0o666, 0o646, 0o664] as [mode_t])
    func writableFile(mode: mode_t) throws {
        let root = try TemporaryDirectory()
        let path = try root.write("x", to: "file", mode: mode)
        #expect(refusal(path) == .writableByOthers(path: path))
    }

    @Test("others may write to its directory, sticky or not", arguments: [0o777, 0o775, 0o1777] as [mode_t])
    func writableDirectory(mode: mode_t) throws {
        let root = try TemporaryDirectory()
        directory(mode, root.file("open"))
        let path = try root.write("x", to: "open/file")
        #expect(refusal(path) == .writableByOthers(path: root.file("open")))
    }

    @Test("a group that has nobody else in it may write, as under the umask 002 of many systems, but others may not")
    func privateGroup() throws {
        let root = try TemporaryDirectory()
        directory(0o775, root.file("directory"))
        let path = try root.write("x", to: "directory/file", mode: 0o664)
        var status = stat()
        stat(path, &status)
        let group = status.st_gid
        #expect(refusal(path, isPrivate: { $0 == group }) == nil)
        #expect(refusal(path, isPrivate: { $0 != group }) == .writableByOthers(path: root.file("directory")))
        chmod(path, 0o666)
        #expect(refusal(path, isPrivate: { _ in true }) == .writableByOthers(path: path))
    }

    @Test(
        "with an access control list others may write than the group, so that a private group is no excuse",
        .enabled(if: hasLists))
    func accessControlList() throws {
        let root = try TemporaryDirectory()
        directory(0o775, root.file("directory"))
        let path = try root.write("x", to: "directory/file", mode: 0o664)
        #expect(refusal(path, isPrivate: { _ in true }) == nil)
        try #require(Self.letAnotherUserWrite(root.file("directory")))
        #expect(refusal(path, isPrivate: { _ in true }) == .writableByOthers(path: root.file("directory")))
        try #require(removexattr(root.file("directory"), "system.posix_acl_access") == 0)
        #expect(refusal(path, isPrivate: { _ in true }) == nil)
        try #require(Self.letAnotherUserWrite(path))
        #expect(refusal(path, isPrivate: { _ in true }) == .writableByOthers(path: path))
    }

    private static let hasLists = (try? TemporaryDirectory()).map { letAnotherUserWrite($0.path) } ?? false

    /// What `setfacl -m u:65534:rwx` does (linux/posix_acl_xattr.h): a version, and then kind, rights and user of each entry.
    private static func letAnotherUserWrite(_ path: String) -> Bool {
        let nobodyElse: [UInt8] = [0xff, 0xff, 0xff, 0xff]
        let entries: [(kind: UInt8, rights: UInt8, user: [UInt8])] = [
            (0x01, 7, nobodyElse), (0x02, 7, [0xfe, 0xff, 0, 0]), (0x04, 5, nobodyElse), (0x10, 7, nobodyElse),
            (0x20, 5, nobodyElse),
        ]
        var list: [UInt8] = [2, 0, 0, 0]
        for entry in entries { list += [entry.kind, 0, entry.rights, 0] + entry.user }
        return setxattr(path, "system.posix_acl_access", list, list.count, 0) == 0
    }

    @Test("a group that nobody has, or that somebody else has, is not private")
    func sharedGroups() {
        #expect(!PrivateGroup.isPrivate(3_999_999_999, to: geteuid()))
        #expect(!PrivateGroup.isPrivate(getegid(), to: 3_999_999_999))
        // Every system has a group for terminals, and it is nobody's own.
        if let terminals = getgrnam("tty") { #expect(!PrivateGroup.isPrivate(terminals.pointee.gr_gid, to: geteuid())) }
    }

    @Test("others may write to a directory above, unless it is sticky")
    func writableAncestor() throws {
        let root = try TemporaryDirectory()
        directory(0o777, root.file("open"))
        directory(0o755, root.file("open/ours"))
        let path = try root.write("x", to: "open/ours/file")
        #expect(refusal(path) == .writableByOthers(path: root.file("open")))
        chmod(root.file("open"), 0o1777)
        #expect(refusal(path) == nil)
    }

    @Test("it, its directory or a directory above belongs to another user")
    func foreignOwner() throws {
        let root = try TemporaryDirectory()
        directory(0o755, root.file("middle"))
        directory(0o755, root.file("middle/inner"))
        let path = try root.write("x", to: "middle/inner/file")
        guard geteuid() == 0 else {
            // Without the right to give files away, the test takes another user's view: the file is ours, who is nobody there.
            #expect(refusal(path, user: geteuid() + 1) == .foreignOwner(path: root.path, owner: geteuid()))
            return
        }
        for foreign in ["middle/inner/file", "middle/inner", "middle"] {
            chown(root.file(foreign), 65534, 0)
            #expect(refusal(path) == .foreignOwner(path: root.file(foreign), owner: 65534))
            #expect(refusal(path, user: 65534) == nil, "to that user it is a file of its own")
            chown(root.file(foreign), 0, 0)
        }
    }

    @Test("a link on the way lies where others may write")
    func links() throws {
        let root = try TemporaryDirectory()
        directory(0o755, root.file("ours"))
        directory(0o777, root.file("open"))
        let path = try root.write("x", to: "ours/file")
        symlink(path, root.file("ours/absolute"))
        symlink("../ours/./file", root.file("ours/relative"))
        symlink("../ours", root.file("open/directory"))
        symlink("loop", root.file("ours/loop"))
        #expect(try FileTrust.open(root.file("ours/absolute"))?.path == path)
        #expect(try FileTrust.open(root.file("ours/relative"))?.path == path)
        #expect(refusal(root.file("open/directory/file")) == .writableByOthers(path: root.file("open")))
        #expect(refusal(root.file("ours/loop")) == .tooManyLinks)
    }

    @Test("it is no regular file")
    func otherKinds() throws {
        let root = try TemporaryDirectory()
        mkfifo(root.file("fifo"), 0o600)
        directory(0o755, root.file("directory"))
        #expect(refusal(root.file("fifo")) == .notARegularFile)
        #expect(refusal(root.file("directory")) == .notARegularFile)
    }

    @Test("a file that was exchanged after the check is noticed")
    func exchanged() throws {
        let root = try TemporaryDirectory()
        let path = try root.write("x", to: "file")
        let file = try #require(try FileTrust.open(path))
        try root.write("y", to: "other")
        #expect(rename(root.file("other"), path) == 0)
        #expect(!file.isStillInPlace())
    }

    @Test("a manifest and a library are checked alike, and the message says what to do")
    func plugin() throws {
        let plugin = try CompiledPlugin("table.c", name: "broken")
        chmod(plugin.library, 0o777)
        let refusal = plugin.refusal()
        #expect(refusal == .untrusted(path: plugin.library, .writableByOthers(path: plugin.library)))
        #expect(refusal.map { "\($0)" }?.hasSuffix("chmod go-w \(plugin.library)") == true)
        chmod(plugin.library, 0o755)
        chmod(plugin.manifest, 0o666)
        #expect(plugin.refusal() == .untrusted(path: plugin.manifest, .writableByOthers(path: plugin.manifest)))
        chmod(plugin.manifest, 0o644)
        #expect(plugin.refusal() == nil)
    }
}
