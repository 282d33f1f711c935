import Host
import TestSupport
import Testing

@Suite("A library that this machine cannot load is refused before the dynamic linker sees it")
struct ElfHeaderTests {
    /// What loading says of a library some bytes of which were changed.
    private func problem(_ change: (inout [UInt8]) -> Void) throws -> ElfHeader.Problem? {
        let plugin = try CompiledPlugin("table.c", name: "broken")
        var bytes = try readFile(plugin.library)
        change(&bytes)
        try plugin.directory.write(bytes, to: "libbroken.so", mode: 0o755)
        switch plugin.refusal() {
        case .notLoadable(plugin.library, let problem)?: return problem
        case nil: return nil
        case let other?: throw other
        }
    }

    @Test("it is not ELF")
    func notElf() throws {
        #expect(try problem { $0 = Array("#!/bin/sh\n".utf8) } == .notElf)
        #expect(try problem { $0 = [] } == .notElf)
    }

    @Test("it is for another machine")
    func otherMachine() throws {
        // e_machine: 8 is MIPS.
        let found = try problem {
            $0[18] = 8; $0[19] = 0
        }
        guard case .otherMachine(code: 8, let host)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
        #expect(host != 8)
        #expect(found.map { "\($0)" }?.contains("machine 8") == true)
    }

    @Test("it has another word size or byte order")
    func otherFormat() throws {
        #expect(try problem { $0[4] = 1 } == .otherFormat)
        #expect(try problem { $0[5] = 3 - $0[5] } == .otherFormat)
    }

    @Test("it is an object file or a core, not a shared library", arguments: [1, 2, 4] as [UInt8])
    func otherType(type: UInt8) throws {
        #expect(try problem { $0[16] = type } == .notASharedObject)
        // As compilers write it: without program headers.
        let bare = try problem {
            $0[16] = type
            for index in Array(32..<40) + Array(54..<58) { $0[index] = 0 }
        }
        #expect(bare == (type == 1 ? .notASharedObject : .truncated))
    }

    @Test("it is cut short, within its header or behind it")
    func truncated() throws {
        #expect(try problem { $0 = Array($0.prefix(40)) } == .truncated)
        #expect(try problem { $0 = Array($0.prefix(80)) } == .truncated)
        #expect(try problem { $0 = Array($0.prefix($0.count / 4)) } == .truncated)
    }

    @Test("its program headers point nowhere")
    func wildTable() throws {
        #expect(try problem { for index in 32..<40 { $0[index] = 0xff } } == .truncated)
    }

    @Test("unchanged it loads")
    func unchanged() throws {
        #expect(try problem { _ in } == nil)
    }
}
