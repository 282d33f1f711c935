//! The border between C and Rust: checks what comes in, catches panics, and turns results into numbers. The same for every keystore.
use crate::abi::*;
use crate::Store;
use std::os::raw::{c_char, c_void};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{compiler_fence, Ordering};

/// A result other than OK, and what the operator is told. Never put a value, or a part of one, into the message.
pub struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    pub fn new(code: i32, message: &str) -> Failure {
        Failure { code, message: message.to_owned() }
    }
    pub fn io(what: &str, error: std::io::Error) -> Failure {
        Failure { code: UNREACHABLE, message: format!("{}: {}", what, error) }
    }
    pub fn exists() -> Failure {
        Failure::new(EXISTS, "")
    }
    pub fn not_found() -> Failure {
        Failure::new(NOT_FOUND, "")
    }
}

/// The server's log, valid until close() returns.
#[derive(Clone, Copy)]
pub struct Log(*const Host);

impl Log {
    pub fn info(&self, text: &str) {
        // SAFETY: the host keeps the structure until close() has returned.
        let host = unsafe { &*self.0 };
        (host.log)(host.context, LOG_INFO, Bytes::new(text.as_bytes()))
    }
}

/// Overwrites bytes that held a value. A plain loop might be optimised away.
pub fn wipe(bytes: &mut [u8]) {
    for byte in bytes.iter_mut() {
        // SAFETY: a valid, exclusive reference.
        unsafe { std::ptr::write_volatile(byte, 0) };
    }
    compiler_fence(Ordering::SeqCst);
}

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

const CLOCK_MONOTONIC: i32 = 1;

/// Runs `body` unless the deadline has passed, and turns what it gives, or its panic, into a result of the interface.
fn answer(call: *const Call, body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // SAFETY: the host passes a valid structure.
    let call = unsafe { &*call };
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: a valid pointer to what the function fills.
    unsafe { clock_gettime(CLOCK_MONOTONIC, &mut now) };
    let is_late = now.seconds as u64 * 1_000_000_000 + now.nanoseconds as u64 >= call.deadline;
    let result = if is_late {
        Err(Failure::new(TIMEOUT, "the deadline passed"))
    } else {
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err(Failure::new(INTERNAL, "the plugin panicked: report this to its author")))
    };
    match result {
        Ok(()) => OK,
        Err(failure) => {
            if failure.code != EXISTS && failure.code != NOT_FOUND {
                call.error.give(failure.message.as_bytes());
            }
            failure.code
        }
    }
}

/// Text of the characters that a name may have.
fn text<'a>(bytes: Bytes) -> Option<&'a str> {
    // SAFETY: what the host passed in, used until the function returns.
    let bytes = unsafe { bytes.slice() };
    let is_allowed = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    is_allowed.then(|| std::str::from_utf8(bytes).unwrap_or(""))
}

/// A name. Others are refused whatever the server checks before: a name must never become a path or a query by accident.
fn name<'a>(bytes: Bytes) -> Result<&'a str, Failure> {
    text(bytes)
        .filter(|name| (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('.'))
        .ok_or_else(|| Failure::new(INVALID, "a name has 1 to 128 bytes of 0-9 A-Z a-z - _ . and no dot in front"))
}

/// # Safety: `instance` is what open() stored, and close() was not called.
unsafe fn store<'a>(instance: *mut c_void) -> &'a Store {
    &*(instance as *const Store)
}

unsafe extern "C" fn open(configuration: Bytes, host: *const Host, call: *const Call, instance: *mut *mut c_void) -> i32 {
    answer(call, || {
        let store = Store::open(configuration.slice(), Log(host))?;
        *instance = Box::into_raw(Box::new(store)) as *mut c_void;
        Ok(())
    })
}

unsafe extern "C" fn close(instance: *mut c_void) {
    drop(Box::from_raw(instance as *mut Store));
}

unsafe extern "C" fn create(instance: *mut c_void, call: *const Call, key: Bytes, value: Bytes) -> i32 {
    answer(call, || {
        let name = name(key)?;
        if value.size > VALUE_MAX {
            return Err(Failure::new(INVALID, "a value has at most 1 MiB"));
        }
        store(instance).create(name, value.slice())
    })
}

unsafe extern "C" fn get(instance: *mut c_void, call: *const Call, key: Bytes, sink: Sink) -> i32 {
    answer(call, || store(instance).get(name(key)?, |value| sink.give(value)))
}

unsafe extern "C" fn remove(instance: *mut c_void, call: *const Call, key: Bytes) -> i32 {
    answer(call, || store(instance).remove(name(key)?))
}

unsafe extern "C" fn list(instance: *mut c_void, call: *const Call, prefix: Bytes, after: Bytes, limit: usize, sink: Sink) -> i32 {
    answer(call, || match (text(prefix), text(after)) {
        (Some(prefix), Some(after)) if limit > 0 => store(instance).list(prefix, after, limit, |name| sink.give(name.as_bytes())),
        _ => Err(Failure::new(INVALID, "no such prefix, position or limit")),
    })
}

static TABLE: Table = Table {
    abi_version: ABI_VERSION,
    size: std::mem::size_of::<Table>() as u32,
    name: Store::NAME.as_ptr() as *const c_char,
    version: Store::VERSION.as_ptr() as *const c_char,
    flags: DURABLE,
    open,
    close,
    create,
    get,
    remove,
    list,
    status: None, // Optional: the server lists one name instead.
};

#[no_mangle]
pub extern "C" fn keswick_keystore_plugin() -> *const Table {
    &TABLE
}
