import CLinux
import Glibc

/// The names of what is in a directory, in no order, without `.` and `..`.
///
/// - Returns: nil when it cannot be read; `errno` says why.
package func directoryNames(_ path: String) -> [String]? {
    guard let directory = opendir(path) else { return nil }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = String(cString: keswick_name(entry))
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}
