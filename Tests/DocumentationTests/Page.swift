import Glibc
import TestSupport
import Testing

/// A page of the documentation.
struct Page {
    let text: String

    /// - Parameter path: from the repository's root.
    init(_ path: String) throws {
        text = String(decoding: try readFile("\(Repository.root)/\(path)"), as: UTF8.self)
    }

    /// The fenced blocks of a language, without their fences.
    func blocks(in language: String) -> [String] {
        var blocks: [String] = []
        var block: (language: Substring, text: String)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // Blocks within lists are indented.
            let bare = line.drop { $0 == " " }
            if let open = block {
                if bare == "```" {
                    if open.language == language { blocks.append(open.text) }
                    block = nil
                } else {
                    block = (open.language, open.text + line + "\n")
                }
            } else if bare.hasPrefix("```") {
                block = (bare.dropFirst(3), "")
            }
        }
        return blocks
    }
}

/// A directory to run commands of a page in, with the program where a build leaves it.
func makeWorkingTree() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory("kes-docs")
    #expect(mkdir(directory.file(".build"), 0o700) == 0)
    #expect(symlink(buildDirectory(), directory.file(".build/release")) == 0)
    return directory
}

/// What a user's shell may hold for a server of their own, and what proxies would do with a local address.
let cleanEnvironment: [String: String?] = [
    "MINIO_KES_SERVER": nil, "MINIO_KES_API_KEY": nil, "MINIO_KES_KEY_FILE": nil, "MINIO_KES_CERT_FILE": nil, "KES_SERVER": nil,
    "KES_API_KEY": nil, "KES_CLIENT_KEY": nil, "KES_CLIENT_CERT": nil, "SSL_CERT_FILE": nil, "no_proxy": "127.0.0.1",
]
