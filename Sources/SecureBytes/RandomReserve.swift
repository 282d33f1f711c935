import Glibc

/// A page of random bytes for each thread, drawn from libcrypto's generator in one call and handed out in small pieces.
///
/// Why: a request for 28 bytes costs as much as one for 512, and every encryption needs some. What it gives away: nothing that
/// the generator's own state, which lies in the same memory, would not. Bytes are wiped as they are handed out. A child of
/// `fork` finds the page zeroed by the kernel, so that parent and child never hand out the same bytes; where the kernel does
/// not promise that, there is no reserve.
package struct RandomReserve {
    /// Requests for more than this go to the generator itself.
    package static let largestRequest = 256

    /// How many bytes at the end of the page are random and not yet handed out, in the first word of the page: it becomes zero
    /// in a child together with them.
    private let remaining: UnsafeMutablePointer<Int>
    private static let headerSize = 64
    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    private init(page: UnsafeMutableRawPointer) {
        // Pages are aligned for any type.
        remaining = page.assumingMemoryBound(to: Int.self)
    }

    /// The reserve of the calling thread, which must not leave it, or nil when there can be none.
    package static func ofThisThread() -> RandomReserve? {
        guard let key = threadKey else { return nil }
        if let page = pthread_getspecific(key) { return RandomReserve(page: page) }
        // Private, anonymous and zeroed.
        guard let page = mmap(nil, pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), page != MAP_FAILED
        else {
            return nil
        }
        // Not into core dumps either.
        guard madvise(page, pageSize, Int32(MADV_WIPEONFORK)) == 0, madvise(page, pageSize, Int32(MADV_DONTDUMP)) == 0,
            pthread_setspecific(key, page) == 0
        else {
            munmap(page, pageSize)
            return nil
        }
        return RandomReserve(page: page)
    }

    /// Whether the next request has to be drawn from the generator.
    package var isEmpty: Bool { remaining.pointee == 0 }

    /// Moves bytes from the reserve to `buffer`, which takes at most `largestRequest`.
    func take(into buffer: UnsafeMutableRawBufferPointer) throws(RandomnessError) {
        let page = UnsafeMutableRawPointer(remaining)
        if remaining.pointee < buffer.count {
            // Nothing of a refill that fails is handed out.
            remaining.pointee = 0
            try fillFromGenerator(
                UnsafeMutableRawBufferPointer(start: page + Self.headerSize, count: Self.pageSize - Self.headerSize))
            remaining.pointee = Self.pageSize - Self.headerSize
        }
        let piece = UnsafeMutableRawBufferPointer(start: page + Self.pageSize - remaining.pointee, count: buffer.count)
        remaining.pointee -= buffer.count
        buffer.copyMemory(from: UnsafeRawBufferPointer(piece))
        wipe(piece)
    }

    /// The slot of the page in each thread. The page is wiped and given back when its thread ends.
    private static let threadKey: pthread_key_t? = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { page in
            guard let page else { return }
            wipe(UnsafeMutableRawBufferPointer(start: page, count: RandomReserve.pageSize))
            munmap(page, RandomReserve.pageSize)
        }
        return result == 0 ? key : nil
    }()
}
