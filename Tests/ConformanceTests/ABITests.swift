import TestSupport
import Testing

/// The check that the header keeps its binary form, and what it must notice.
@Suite struct ABITests {
    private static let header = "\(Repository.root)/Sources/PluginAPI/include/keswick_keystore.h"

    /// Runs the check on the header with one change.
    private static func check(_ old: String, _ new: String) throws -> CommandResult {
        let text = String(decoding: try readFile(header), as: UTF8.self)
        try #require(text.contains(old), "the header does not hold \(old)")
        let directory = try TemporaryDirectory()
        try directory.write(text.replacing(old, with: new), to: "keswick_keystore.h")
        return try run("\(Repository.root)/scripts/abi.sh", ["check", directory.file("keswick_keystore.h")])
    }

    @Test("The header is compatible with the released one")
    func current() throws {
        let result = try run("\(Repository.root)/scripts/abi.sh", ["check"])
        #expect(result.code == 0, "\(result.text)\(result.errorText)")
    }

    @Test(
        "A change that would break a compiled plugin fails",
        arguments: [
            ("#define KESWICK_TIMEOUT 5", "#define KESWICK_TIMEOUT 6", "KESWICK_TIMEOUT"),
            ("#define KESWICK_NAME_MAX 128u", "#define KESWICK_NAME_MAX 64u", "KESWICK_NAME_MAX"),
            ("#define KESWICK_LOG_DEBUG 0\n", "", "KESWICK_LOG_DEBUG"),
            ("#define KESWICK_ABI_VERSION 1u", "#define KESWICK_ABI_VERSION 2u", "KESWICK_ABI_VERSION"),
            ("typedef int32_t keswick_result;", "typedef int64_t keswick_result;", "keswick_result"),
            ("const uint8_t *data;\n  size_t size;", "size_t size;\n  const uint8_t *data;", "keswick_bytes.data"),
            ("  void *context;\n  void (*write)", "  void *context;\n  size_t size;\n  void (*write)", "keswick_sink.write"),
            (
                "void (*write)(void *context, keswick_bytes bytes);",
                "void (*write)(void *context, keswick_bytes bytes);\n  size_t more;", "keswick_sink.more"
            ),
            ("uint64_t deadline;", "uint32_t deadline;", "keswick_call.deadline"),
            ("uint64_t flags;", "uint64_t more;\n  uint64_t flags;", "keswick_keystore.flags"),
            ("size_t limit,", "uint32_t limit,", "keswick_keystore.list"),
            ("void (*close)(keswick_instance *instance);", "", "keswick_keystore.close"),
            ("keswick_result (*remove)(", "keswick_result (*erase)(", "keswick_keystore.remove"),
            ("keswick_keystore *keswick_keystore_plugin(void);", "keswick_keystore *keswick_plugin(void);", "function"),
        ])
    func incompatible(old: String, new: String, culprit: String) throws {
        let result = try Self.check(old, new)
        #expect(result.code == 1)
        #expect(result.text.contains("incompatible: "))
        #expect(result.text.contains(culprit), "\(result.text)\(result.errorText)")
        #expect(result.errorText.contains("plugins that were compiled with the released header would break"))
    }

    @Test(
        "What only adds is compatible",
        arguments: [
            ("/* Anything else. */", "/* Anything else whatsoever. */"),
            ("#define KESWICK_LOG_ERROR 3", "#define KESWICK_LOG_ERROR 3\n#define KESWICK_LOG_FATAL 4"),
            (
                "keswick_result (*status)(keswick_instance *instance, const keswick_call *call);",
                "keswick_result (*status)(keswick_instance *instance, const keswick_call *call);\n  void (*later)(void);"
            ),
            ("  keswick_sink error;", "  keswick_sink error;\n  uint64_t trace;"),
            ("keswick_bytes message);\n}", "keswick_bytes message);\n  void *more;\n}"),
        ])
    func compatible(old: String, new: String) throws {
        let result = try Self.check(old, new)
        #expect(result.code == 0, "\(result.text)\(result.errorText)")
    }

    @Test("The reference in the guide is the header's")
    func reference() throws {
        let result = try run("\(Repository.root)/scripts/abi-reference.sh", ["check"])
        #expect(result.code == 0, "\(result.errorText)")
    }
}
