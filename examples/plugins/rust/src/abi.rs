//! keswick_keystore.h, version 1, in Rust. See the header for what each field and each result means.
#![allow(dead_code)]
use std::os::raw::{c_char, c_void};

pub const ABI_VERSION: u32 = 1;
pub const NAME_MAX: usize = 128;
pub const VALUE_MAX: usize = 1 << 20;

pub const OK: i32 = 0;
pub const EXISTS: i32 = 1;
pub const NOT_FOUND: i32 = 2;
pub const INVALID: i32 = 3;
pub const UNREACHABLE: i32 = 4;
pub const TIMEOUT: i32 = 5;
pub const DENIED: i32 = 6;
pub const CORRUPT: i32 = 7;
pub const INTERNAL: i32 = 8;

pub const SERIAL: u64 = 1 << 0;
pub const DURABLE: u64 = 1 << 1;

pub const LOG_DEBUG: i32 = 0;
pub const LOG_INFO: i32 = 1;
pub const LOG_WARNING: i32 = 2;
pub const LOG_ERROR: i32 = 3;

/// `keswick_bytes`: a view, valid during the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Bytes {
    pub data: *const u8,
    pub size: usize,
}

impl Bytes {
    pub fn new(bytes: &[u8]) -> Bytes {
        Bytes { data: bytes.as_ptr(), size: bytes.len() }
    }

    /// # Safety
    /// Only for what the host passed in, and only until the function returns.
    pub unsafe fn slice<'a>(self) -> &'a [u8] {
        if self.size == 0 { &[] } else { std::slice::from_raw_parts(self.data, self.size) }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Sink {
    pub context: *mut c_void,
    pub write: extern "C" fn(*mut c_void, Bytes),
}

impl Sink {
    pub fn give(self, bytes: &[u8]) {
        (self.write)(self.context, Bytes::new(bytes))
    }
}

#[repr(C)]
pub struct Host {
    pub size: usize,
    pub context: *mut c_void,
    pub log: extern "C" fn(*mut c_void, i32, Bytes),
}

#[repr(C)]
pub struct Call {
    pub size: usize,
    pub deadline: u64,
    pub error: Sink,
}

#[repr(C)]
pub struct Table {
    pub abi_version: u32,
    pub size: u32,
    pub name: *const c_char,
    pub version: *const c_char,
    pub flags: u64,
    pub open: unsafe extern "C" fn(Bytes, *const Host, *const Call, *mut *mut c_void) -> i32,
    pub close: unsafe extern "C" fn(*mut c_void),
    pub create: unsafe extern "C" fn(*mut c_void, *const Call, Bytes, Bytes) -> i32,
    pub get: unsafe extern "C" fn(*mut c_void, *const Call, Bytes, Sink) -> i32,
    pub remove: unsafe extern "C" fn(*mut c_void, *const Call, Bytes) -> i32,
    pub list: unsafe extern "C" fn(*mut c_void, *const Call, Bytes, Bytes, usize, Sink) -> i32,
    pub status: Option<unsafe extern "C" fn(*mut c_void, *const Call) -> i32>,
}

// The table is constant, and what its pointers point to as well.
unsafe impl Sync for Table {}
