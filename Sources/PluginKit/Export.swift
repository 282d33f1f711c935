@_exported import PluginAPI

/// Makes the ABI's table for `type`. Call it from the library's entry point, and only there:
///
/// ```swift
/// @c(keswick_keystore_plugin)
/// public func keswickKeystorePlugin() -> UnsafePointer<keswick_keystore> { exportKeystore(MyStore.self) }
/// ```
///
/// The table lives until the process ends. A library exports one keystore: asked for a second type, the function gives a
/// table whose `open` refuses.
public func exportKeystore<Exported: Keystore>(_ type: Exported.Type) -> UnsafePointer<keswick_keystore> {
    exported.withLock { exported in
        if let exported, exported.type == ObjectIdentifier(type) { return exported.table.pointer }
        let table = Table(name: type.name, version: type.version, flags: type.capabilities.rawValue, isFirst: exported == nil)
        if exported == nil {
            exported = Export(type: ObjectIdentifier(type), table: table) { configuration, log, deadline throws(KeystoreError) in
                try configuration.checkMembers(type.configurationMembers)
                return try type.init(configuration: configuration, log: log, deadline: deadline)
            }
        }
        return table.pointer
    }
}

/// What the library exports. The ABI's `open` has no context argument from which to tell the type, so it is kept here. Each
/// library that links PluginKit has a `exported` of its own: Swift's symbols are protected on ELF, never interposed.
struct Export: Sendable {
    let type: ObjectIdentifier
    let table: Table
    let open: @Sendable (Configuration, HostLog, Deadline) throws(KeystoreError) -> any Keystore
}

private let exported = Lock<Export?>(nil)

/// Opens an instance of what the library exports.
func openExported(_ configuration: Configuration, _ log: HostLog, _ deadline: Deadline) throws(KeystoreError) -> any Keystore {
    guard let export = exported.withLock({ $0 }) else { throw .internal("the library has not exported a keystore") }
    return try export.open(configuration, log, deadline)
}

/// The ABI's table, allocated once and never freed, as the ABI demands.
struct Table: @unchecked Sendable {
    // `@unchecked Sendable` holds because the table is written here only, before anybody has the pointer.
    let pointer: UnsafePointer<keswick_keystore>

    init(name: StaticString, version: StaticString, flags: UInt64, isFirst: Bool) {
        let table = UnsafeMutablePointer<keswick_keystore>.allocate(capacity: 1)
        table.initialize(
            to: keswick_keystore(
                abi_version: KESWICK_ABI_VERSION,
                size: UInt32(MemoryLayout<keswick_keystore>.size),
                // A StaticString with a pointer representation is zero-terminated and lives as long as the library; one
                // made of a single Unicode scalar has no pointer, and is not what a literal gives.
                name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
                version: UnsafeRawPointer(version.utf8Start).assumingMemoryBound(to: CChar.self),
                flags: flags,
                open: bridgeOpen,
                close: bridgeClose,
                create: bridgeCreate,
                get: bridgeGet,
                remove: bridgeRemove,
                list: bridgeList,
                status: bridgeStatus))
        if !isFirst { table.pointee.open = refuseOpen }
        pointer = UnsafePointer(table)
    }
}
