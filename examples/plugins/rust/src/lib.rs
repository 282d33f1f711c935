//! A keystore in one file, for Keswick. Written to be read, and to be changed into yours.
//!
//! The configuration is {"path": "FILE"}. The file is a row of records, each one key: new ones are appended and synced before create
//! says OK. What is stored where is kept in memory, in order of names. One process may have the file open at a time.
//!
//!   file:    "KEYLOG1\n" | records
//!   record:  state 'K' (a key) or 'X' (removed) | length of the name, 1 byte | length of the value, 4 bytes
//!            | check sum of the lengths, 4 bytes | check sum of the rest, 4 bytes | the name | the value
//!
//! What is not such a file, or is damaged, is refused and left as it is. Only what a crash leaves of the last record is cut off.
//!
//! What it leaves out on purpose: the file never shrinks, and the index of all names has to fit into memory.
mod abi;
mod border;

use abi::*;
use border::{Failure, Log};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::ops::Bound;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::io::AsRawFd;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

const MAGIC: &[u8; 8] = b"KEYLOG1\n";
const HEADER: u64 = 14;

struct Entry {
    offset: u64,
    size: u32,
}

struct State {
    file: File,
    /// Where the next record goes.
    end: u64,
    /// Set when a write failed and could not be undone: nothing may be written behind it.
    is_broken: bool,
    /// In bytewise order of names.
    entries: BTreeMap<String, Entry>,
}

/// An open keystore. Calls come from several threads at once: all of them take the lock.
pub struct Store {
    state: Mutex<State>,
}

extern "C" {
    fn flock(file: i32, operation: i32) -> i32;
}

const LOCK_EX_NB: i32 = 2 | 4;

/// FNV-1a. It finds damage; it is no protection against somebody who writes to the file.
fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

/// Reads {"path": "FILE"}, without escapes, and nothing else: a member with a typo must not pass. For more, take a JSON library.
fn parse(json: &[u8]) -> Option<&str> {
    let space: &[char] = &[' ', '\t', '\r', '\n'];
    let mut rest = std::str::from_utf8(json).ok()?;
    for part in ["{", "\"path\"", ":", "\""] {
        rest = rest.trim_start_matches(space).strip_prefix(part)?;
    }
    let (path, rest) = rest.split_once('"')?;
    let rest = rest.trim_start_matches(space).strip_prefix('}')?;
    let is_plain = !path.is_empty() && !path.contains('\\') && path.bytes().all(|byte| byte >= b' ');
    (is_plain && rest.trim_start_matches(space).is_empty()).then(|| path)
}

impl State {
    /// Reads the file into the index.
    fn load(&mut self) -> Result<(), Failure> {
        let size = self.file.metadata().map_err(|error| Failure::io("cannot read the file", error))?.len();
        let start = self.read(size.min(MAGIC.len() as u64), 0)?;
        if !MAGIC.starts_with(&start) {
            return Err(Failure::new(CORRUPT, "the file is not one of this keystore: name another one"));
        }
        if start.len() < MAGIC.len() {
            // A new file, or what a crash left of one.
            let written = self.file.write_all_at(MAGIC, 0).and_then(|_| self.file.sync_data());
            written.map_err(|error| Failure::io("cannot write to the file", error))?;
        }
        self.end = MAGIC.len() as u64;
        while self.end < size {
            match self.load_record(size - self.end)? {
                Some(length) => self.end += length,
                None => break,
            }
        }
        if size > self.end {
            self.file.set_len(self.end).map_err(|error| Failure::io("cannot cut off a half record", error))?;
        }
        Ok(())
    }

    /// Takes the record at the end of those before it into the index. Returns its size; nothing for what a crash leaves of one.
    fn load_record(&mut self, left: u64) -> Result<Option<u64>, Failure> {
        let damage = || Failure::new(CORRUPT, "the file is damaged: put back a copy of it");
        let header = self.read(left.min(HEADER), self.end)?;
        match header[0] {
            0 if self.read(left, self.end)?.iter().all(|byte| *byte == 0) => return Ok(None),
            b'K' if left < HEADER => return Ok(None),
            b'K' | b'X' if left >= HEADER => (),
            _ => return Err(damage()),
        }
        let number = |place: usize| u32::from_le_bytes([header[place], header[place + 1], header[place + 2], header[place + 3]]);
        let (name_size, size) = (header[1] as usize, number(2));
        if checksum(0, &header[1..6]) != number(6) || name_size > NAME_MAX || size as usize > VALUE_MAX {
            return Err(damage());
        }
        let body_size = name_size as u64 + u64::from(size);
        if body_size > left - HEADER {
            return if header[0] == b'K' { Ok(None) } else { Err(damage()) };
        }
        if header[0] == b'K' {
            let mut body = self.read(body_size, self.end + HEADER)?;
            let is_whole = checksum(0, &body) == number(10);
            let name = String::from_utf8_lossy(&body[..name_size]).into_owned();
            border::wipe(&mut body); // It has held a value.
            if !is_whole {
                return Err(damage());
            }
            self.entries.insert(name, Entry { offset: self.end, size });
        }
        Ok(Some(HEADER + body_size))
    }

    fn read(&self, size: u64, place: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = vec![0; size as usize];
        self.file.read_exact_at(&mut bytes, place).map_err(|error| Failure::io("cannot read the file", error))?;
        Ok(bytes)
    }

    fn append(&self, header: &[u8], name: &[u8], value: &[u8]) -> std::io::Result<()> {
        self.file.write_all_at(header, self.end)?;
        self.file.write_all_at(name, self.end + HEADER)?;
        // From where the host has it, so that there is no copy of the value to wipe.
        self.file.write_all_at(value, self.end + HEADER + name.len() as u64)?;
        self.file.sync_data()
    }
}

impl Store {
    /// What the server's configuration calls the keystore: keystore: { logfile: { path: … } }. Ends with a zero, for C.
    pub const NAME: &'static [u8] = b"logfile\0";
    pub const VERSION: &'static [u8] = b"0.1.0\0";

    pub fn open(configuration: &[u8], log: Log) -> Result<Store, Failure> {
        let path = parse(configuration).ok_or_else(|| Failure::new(INVALID, "the configuration must be {\"path\": \"FILE\"}"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| Failure::io("cannot open the file", error))?;
        // SAFETY: a plain system call on a descriptor that is open.
        if unsafe { flock(file.as_raw_fd(), LOCK_EX_NB) } != 0 {
            return Err(Failure::new(UNREACHABLE, "another process has the file open"));
        }
        // The file itself may be new: it must not vanish with a crash of the machine.
        let directory = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(|error| Failure::io("cannot sync the directory", error))?;
        let mut state = State { file, end: 0, is_broken: false, entries: BTreeMap::new() };
        state.load()?;
        log.info("opened");
        Ok(Store { state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has changed nothing by halves: the index changes last, in one step.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn create(&self, name: &str, value: &[u8]) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.entries.contains_key(name) {
            return Err(Failure::exists());
        }
        if state.is_broken {
            return Err(Failure::new(UNREACHABLE, "an earlier write failed: look at the disk, then restart"));
        }
        let size = value.len() as u32;
        let mut header = vec![b'K', name.len() as u8];
        header.extend_from_slice(&size.to_le_bytes());
        header.extend_from_slice(&checksum(0, &header[1..]).to_le_bytes());
        header.extend_from_slice(&checksum(checksum(0, name.as_bytes()), value).to_le_bytes());
        if let Err(error) = state.append(&header, name.as_bytes(), value) {
            // What is half there must not be found later.
            state.is_broken = state.file.set_len(state.end).and_then(|_| state.file.sync_data()).is_err();
            return Err(Failure::io("cannot write to the file", error));
        }
        let offset = state.end;
        state.end += HEADER + name.len() as u64 + u64::from(size);
        state.entries.insert(name.to_owned(), Entry { offset, size });
        Ok(())
    }

    /// Lends the value to `give`.
    pub fn get(&self, name: &str, give: impl FnOnce(&[u8])) -> Result<(), Failure> {
        let state = self.lock();
        let entry = state.entries.get(name).ok_or_else(Failure::not_found)?;
        let mut value = vec![0; entry.size as usize];
        let read = state.file.read_exact_at(&mut value, entry.offset + HEADER + name.len() as u64);
        if read.is_ok() {
            give(&value);
        }
        border::wipe(&mut value);
        read.map_err(|error| Failure::io("cannot read the file", error))
    }

    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        let mut state = self.lock();
        let (offset, size) = state.entries.get(name).map(|entry| (entry.offset, entry.size)).ok_or_else(Failure::not_found)?;
        if state.is_broken {
            return Err(Failure::new(UNREACHABLE, "an earlier write failed: look at the disk, then restart"));
        }
        // One byte decides, so there is no half of it.
        if let Err(error) = state.file.write_all_at(b"X", offset).and_then(|_| state.file.sync_data()) {
            // Not removed: it must be found after the next start, too.
            state.is_broken = state.file.write_all_at(b"K", offset).and_then(|_| state.file.sync_data()).is_err();
            return Err(Failure::io("cannot write to the file", error));
        }
        state.entries.remove(name);
        // The name is gone. Now the value, as far as the disk does what it is told: if it does not, the name is gone all the same.
        let zeros = vec![0; size as usize];
        let wiped = state.file.write_all_at(&zeros, offset + HEADER + name.len() as u64);
        let _ = wiped.and_then(|_| state.file.sync_data());
        Ok(())
    }

    /// Gives the first `limit` names that begin with `prefix` and are greater than `after`.
    pub fn list(&self, prefix: &str, after: &str, limit: usize, mut give: impl FnMut(&str)) -> Result<(), Failure> {
        let start = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let state = self.lock();
        let names = state.entries.range::<str, _>((start, Bound::Unbounded)).map(|(name, _)| name);
        names.take_while(|name| name.starts_with(prefix)).take(limit).for_each(|name| give(name));
        Ok(())
    }
}
