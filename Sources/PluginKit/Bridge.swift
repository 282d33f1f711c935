import PluginAPI

// The functions of the ABI's table. Each turns C arguments into Swift ones, checks what the kit promises to check, calls the
// keystore, and turns a thrown error into a result and a message. None lets an error or a pointer of the host escape.

/// What a `keswick_instance *` points to.
private final class Instance {
    let keystore: any Keystore
    init(_ keystore: any Keystore) { self.keystore = keystore }
}

func bridgeOpen(
    configuration: keswick_bytes, host: UnsafePointer<keswick_host>?, call: UnsafePointer<keswick_call>?,
    instance: UnsafeMutablePointer<OpaquePointer?>?
) -> keswick_result {
    answer(call, mayThrow: nil) { deadline throws(KeystoreError) in
        let configuration = try Configuration(json: configuration.buffer.bytes)
        let keystore = try openExported(configuration, HostLog(host), deadline)
        instance?.pointee = OpaquePointer(Unmanaged.passRetained(Instance(keystore)).toOpaque())
    }
}

func refuseOpen(
    configuration: keswick_bytes, host: UnsafePointer<keswick_host>?, call: UnsafePointer<keswick_call>?,
    instance: UnsafeMutablePointer<OpaquePointer?>?
) -> keswick_result {
    answer(call, mayThrow: nil) { _ throws(KeystoreError) in
        throw .internal("the library exports more than one keystore: build each as a library of its own")
    }
}

func bridgeClose(instance: OpaquePointer?) {
    guard let instance else { return }
    // The pointer is the one that `bridgeOpen` retained, and the ABI closes an instance once.
    let closing = Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(instance)).takeRetainedValue()
    closing.keystore.close()
}

func bridgeCreate(
    instance: OpaquePointer?, call: UnsafePointer<keswick_call>?, name: keswick_bytes, value: keswick_bytes
) -> keswick_result {
    answer(call, mayThrow: .exists) { deadline throws(KeystoreError) in
        let name = try checkedName(name)
        guard value.size <= Int(KESWICK_VALUE_MAX) else {
            throw .invalid("a value of \(value.size) bytes is larger than the \(KESWICK_VALUE_MAX) that are allowed")
        }
        try keystore(instance).create(name, value: value.buffer.bytes, deadline: deadline)
    }
}

func bridgeGet(
    instance: OpaquePointer?, call: UnsafePointer<keswick_call>?, name: keswick_bytes, value: keswick_sink
) -> keswick_result {
    answer(call, mayThrow: .notFound) { deadline throws(KeystoreError) in
        try keystore(instance).get(checkedName(name), deadline: deadline).withUnsafeBytes { value.write($0) }
    }
}

func bridgeRemove(instance: OpaquePointer?, call: UnsafePointer<keswick_call>?, name: keswick_bytes) -> keswick_result {
    answer(call, mayThrow: .notFound) { deadline throws(KeystoreError) in
        try keystore(instance).delete(checkedName(name), deadline: deadline)
    }
}

func bridgeList(
    instance: OpaquePointer?, call: UnsafePointer<keswick_call>?, prefix: keswick_bytes, after: keswick_bytes, limit: Int,
    names: keswick_sink
) -> keswick_result {
    answer(call, mayThrow: nil) { deadline throws(KeystoreError) in
        guard limit != 0 else { throw .invalid("the limit of a list is at least 1") }
        let page = try keystore(instance).list(
            prefix: checkedText(prefix, "prefix"), after: checkedText(after, "position"),
            // A `size_t` above `Int.max` arrives as a negative number, and means as many as there are.
            limit: limit < 0 ? .max : limit, deadline: deadline)
        for name in page {
            var text = name.text
            text.withUTF8 { names.write(UnsafeRawBufferPointer($0)) }
        }
    }
}

func bridgeStatus(instance: OpaquePointer?, call: UnsafePointer<keswick_call>?) -> keswick_result {
    answer(call, mayThrow: nil) { deadline throws(KeystoreError) in try keystore(instance).status(deadline: deadline) }
}

/// Runs `body`, unless the deadline has passed, and turns what it throws into a result and a message.
///
/// - Parameter mayThrow: which of `exists` and `notFound` is an answer to this call; the other is a keystore's mistake.
private func answer(
    _ call: UnsafePointer<keswick_call>?, mayThrow outcome: KeystoreError.Kind?,
    _ body: (Deadline) throws(KeystoreError) -> Void
) -> keswick_result {
    guard let call else { return KESWICK_INTERNAL }
    do {
        let deadline = Deadline(nanoseconds: call.pointee.deadline)
        try deadline.check()
        try body(deadline)
        return KESWICK_OK
    } catch {
        if error.kind == outcome { return error.kind.result }
        var result = error.kind.result
        var message = error.message
        if error.kind == .exists || error.kind == .notFound {
            message = "the keystore answered \(error.kind) to a call that has no such answer"
            result = KESWICK_INTERNAL
        }
        message.withUTF8 { call.pointee.error.write(UnsafeRawBufferPointer($0)) }
        return result
    }
}

private func keystore(_ instance: OpaquePointer?) throws(KeystoreError) -> any Keystore {
    guard let instance else { throw .internal("called without an instance") }
    // The pointer is the one that `bridgeOpen` retained; the host calls nothing after close().
    return Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(instance)).takeUnretainedValue().keystore
}

private func checkedName(_ bytes: keswick_bytes) throws(KeystoreError) -> KeyName {
    guard let name = KeyName(bytes: bytes.buffer) else {
        throw .invalid("a name has 1 to \(KESWICK_NAME_MAX) bytes of 0-9 A-Z a-z - _ . and does not begin with a dot")
    }
    return name
}

/// A prefix or a position of a listing: any number of the characters that a name may have.
private func checkedText(_ bytes: keswick_bytes, _ what: String) throws(KeystoreError) -> String {
    guard bytes.buffer.allSatisfy(KeyName.isAllowed) else {
        throw .invalid("the \(what) of a list has only the characters that a name may have: 0-9 A-Z a-z - _ .")
    }
    return String(decoding: bytes.buffer, as: UTF8.self)
}

extension KeystoreError.Kind {
    fileprivate var result: keswick_result {
        switch self {
        case .exists: KESWICK_EXISTS
        case .notFound: KESWICK_NOT_FOUND
        case .invalid: KESWICK_INVALID
        case .unreachable: KESWICK_UNREACHABLE
        case .timeout: KESWICK_TIMEOUT
        case .denied: KESWICK_DENIED
        case .corrupt: KESWICK_CORRUPT
        case .internal: KESWICK_INTERNAL
        }
    }
}

extension keswick_bytes {
    /// The bytes, valid as long as the call that brought them.
    fileprivate var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: data, count: data == nil ? 0 : size) }
}

extension keswick_sink {
    fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
        write?(context, keswick_bytes(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), size: bytes.count))
    }
}
