import Glibc
import NIOConcurrencyHelpers

/// Groups that have one user only.
///
/// Debian, Ubuntu and Fedora give every user a group of the same name, and a umask that lets that group write (useradd(8),
/// `USERGROUPS_ENAB`). Nobody else may write to what such a group may write to.
package enum PrivateGroup {
    /// The C library has one position in the list of users for the whole process.
    private static let userList = NIOLockedValueBox(())

    /// Whether `group` is the primary group of `user`, has the user's name, and has no other member.
    package static func isPrivate(_ group: UInt32, to user: UInt32) -> Bool {
        guard let name = name(of: user, withPrimaryGroup: group), hasOnlyMember(name, group: group) else { return false }
        return userList.withLockedValue { _ in
            setpwent()
            defer { endpwent() }
            while let other = getpwent() {
                if other.pointee.pw_gid == group, other.pointee.pw_uid != user { return false }
            }
            return true
        }
    }

    private static func name(of user: UInt32, withPrimaryGroup group: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard let base = buffer.baseAddress, getpwuid_r(user, &entry, base, buffer.count, &found) == 0, found != nil,
                entry.pw_gid == group, let name = entry.pw_name
            else { return nil }
            return String(cString: name)
        }
    }

    private static func hasOnlyMember(_ user: String, group: UInt32) -> Bool {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: bufferSize) { buffer in
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            guard let base = buffer.baseAddress, getgrgid_r(group, &entry, base, buffer.count, &found) == 0, found != nil,
                let name = entry.gr_name, String(cString: name) == user
            else { return false }
            // A NULL-terminated list of those whose primary group is another.
            var member = entry.gr_mem
            while let current = member?.pointee {
                if String(cString: current) != user { return false }
                member = member?.advanced(by: 1)
            }
            return true
        }
    }

    /// A group whose entry does not fit has many members.
    private static let bufferSize = 16384
}
