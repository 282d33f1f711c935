import CLinux
import Glibc
import SecureBytes

// What `kes` has in the place of the C library's `free` and `realloc` (`--wrap` in Package.swift): memory is wiped before it is given back.
//
// It is for libraries that are linked into the program and know nothing of secrets. BoringSSL decrypts each TLS record in a buffer that it
// frees as it is: the key of an import stayed there until something else needed the memory. SwiftNIO's buffers are copied when they grow,
// and their old memory freed, that of TLS among them in which requests arrive.
//
// Nothing here may allocate but by `malloc`.

@_cdecl("__wrap_free")
public func freeWiping(_ memory: UnsafeMutableRawPointer?) {
    guard let memory else { return }
    // All that belongs to the block, which may be more than was asked for: nobody else has it.
    wipe(UnsafeMutableRawBufferPointer(start: memory, count: malloc_usable_size(memory)))
    __real_free(memory)
}

@_cdecl("__wrap_realloc")
public func reallocateWiping(_ memory: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    guard let memory else { return malloc(size) }
    let capacity = malloc_usable_size(memory)
    // It stays where it is, unless more than half of it would be of no use.
    if size <= capacity, size > capacity / 2 { return memory }
    guard let moved = malloc(max(size, 1)) else { return nil }
    memcpy(moved, memory, min(size, capacity))
    freeWiping(memory)
    return moved
}
