// A keystore in one file, for Keswick. Written to be read, and to be changed into yours. C++17.
//
// The configuration is {"path": "FILE"}. The file is a row of records, each one key: new ones are appended and synced before create()
// says OK. What is stored where is kept in memory, in order of names. One process may have the file open at a time.
//
//   file:    "KEYLOG1\n" | records
//   record:  state 'K' (a key) or 'X' (removed) | length of the name, 1 byte | length of the value, 4 bytes
//            | check sum of the lengths, 4 bytes | check sum of the rest, 4 bytes | the name | the value
//
// What is not such a file, or is damaged, is refused and left as it is. Only what a crash leaves of the last record is cut off.
//
// What it leaves out on purpose: the file never shrinks, and the index of all names has to fit into memory.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "border.hpp"

namespace {

constexpr char magic[] = {'K', 'E', 'Y', 'L', 'O', 'G', '1', '\n'};
constexpr off_t magic_size = sizeof magic, header_size = 14;

struct Entry {
  off_t offset;
  uint32_t size;
};

// FNV-1a. It finds damage; it is no protection against somebody who writes to the file.
uint32_t checksum(uint32_t sum, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) sum = (sum ^ bytes[i]) * 16777619u;
  return sum;
}

}  // namespace

struct keswick_instance {
  explicit keswick_instance(const std::string &path) : file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file < 0) throw system_failure("cannot open the file");
    try {
      if (flock(file, LOCK_EX | LOCK_NB) != 0) throw Failure{KESWICK_UNREACHABLE, "another process has the file open"};
      sync_directory(path);
      load();
    } catch (...) {
      ::close(file);
      throw;
    }
  }

  ~keswick_instance() { ::close(file); }

  void create(const std::string &name, keswick_bytes value) {
    std::lock_guard guard(lock);
    if (entries.count(name)) throw Failure{KESWICK_EXISTS, ""};
    if (is_broken) throw Failure{KESWICK_UNREACHABLE, "an earlier write failed: look at the disk, then restart"};
    auto size = static_cast<uint32_t>(value.size);
    auto key = reinterpret_cast<const uint8_t *>(name.data());
    uint32_t rest = checksum(checksum(0, key, name.size()), value.data, value.size);
    uint8_t header[header_size] = {'K', static_cast<uint8_t>(name.size())};
    std::memcpy(header + 2, &size, 4);
    uint32_t lengths = checksum(0, header + 1, 5);
    std::memcpy(header + 6, &lengths, 4);
    std::memcpy(header + 10, &rest, 4);
    auto entry = entries.emplace(name, Entry{end, size}).first;
    // From where the host has it, so that there is no copy of the value to wipe.
    iovec parts[] = {{header, header_size}, {const_cast<char *>(name.data()), name.size()}, {const_cast<uint8_t *>(value.data), value.size}};
    off_t length = header_size + static_cast<off_t>(name.size() + value.size);
    if (pwritev(file, parts, 3, end) != length || fdatasync(file) != 0) {
      Failure failure = system_failure("cannot write to the file");
      entries.erase(entry);
      // What is half there must not be found later. If it cannot be cut off, nothing may be written behind it.
      is_broken = ftruncate(file, end) != 0 || fdatasync(file) != 0;
      throw failure;
    }
    end += length;
  }

  void get(const std::string &name, keswick_sink sink) {
    std::lock_guard guard(lock);
    auto found = entries.find(name);
    if (found == entries.end()) throw Failure{KESWICK_NOT_FOUND, ""};
    Secret value(found->second.size);
    off_t place = found->second.offset + header_size + static_cast<off_t>(name.size());
    if (pread(file, value.data(), value.size(), place) != static_cast<ssize_t>(value.size())) throw system_failure("cannot read the file");
    sink.write(sink.context, {value.data(), value.size()});  // In one call; the host copies it.
  }

  void remove(const std::string &name) {
    std::lock_guard guard(lock);
    auto found = entries.find(name);
    if (found == entries.end()) throw Failure{KESWICK_NOT_FOUND, ""};
    if (is_broken) throw Failure{KESWICK_UNREACHABLE, "an earlier write failed: look at the disk, then restart"};
    Entry entry = found->second;
    // One byte decides, so there is no half of it.
    if (pwrite(file, "X", 1, entry.offset) != 1 || fdatasync(file) != 0) {
      Failure failure = system_failure("cannot write to the file");
      // Not removed: it must be found after the next start, too.
      is_broken = pwrite(file, "K", 1, entry.offset) != 1 || fdatasync(file) != 0;
      throw failure;
    }
    entries.erase(found);
    // The name is gone. Now the value, as far as the disk does what it is told: if it does not, the name is gone all the same.
    std::vector<uint8_t> zeros(entry.size);
    if (pwrite(file, zeros.data(), zeros.size(), entry.offset + header_size + static_cast<off_t>(name.size())) > 0) fdatasync(file);
  }

  void list(const std::string &prefix, const std::string &after, size_t limit, keswick_sink names) {
    std::lock_guard guard(lock);
    auto entry = after < prefix ? entries.lower_bound(prefix) : entries.upper_bound(after);
    for (; entry != entries.end() && limit > 0 && entry->first.compare(0, prefix.size(), prefix) == 0; ++entry, --limit)
      names.write(names.context, {reinterpret_cast<const uint8_t *>(entry->first.data()), entry->first.size()});
  }

 private:
  // Reads the file into the index.
  void load() {
    off_t size = lseek(file, 0, SEEK_END);
    if (size < 0) throw system_failure("cannot read the file");
    char start[magic_size];
    auto begun = static_cast<size_t>(std::min(size, magic_size));
    read(start, begun, 0);
    if (std::memcmp(start, magic, begun) != 0) throw Failure{KESWICK_CORRUPT, "the file is not one of this keystore: name another one"};
    // A new file, or what a crash left of one.
    if (size < magic_size && (pwrite(file, magic, magic_size, 0) != magic_size || fdatasync(file) != 0))
      throw system_failure("cannot write to the file");
    end = magic_size;
    while (end < size) {
      off_t length = load_record(size - end);
      if (length == 0) break;
      end += length;
    }
    if (size > end && ftruncate(file, end) != 0) throw system_failure("cannot cut off a half record");
  }

  // Takes the record at the end of those before it into the index. Returns its size; 0 for what a crash leaves of one.
  off_t load_record(off_t left) {
    const Failure damage{KESWICK_CORRUPT, "the file is damaged: put back a copy of it"};
    uint8_t header[header_size] = {};
    uint32_t value_size, lengths, rest;
    read(header, static_cast<size_t>(std::min(left, header_size)), end);
    if (header[0] == 0 && is_zero(left)) return 0;
    if (header[0] != 'K' && (header[0] != 'X' || left < header_size)) throw damage;
    if (left < header_size) return 0;
    std::memcpy(&value_size, header + 2, 4);
    std::memcpy(&lengths, header + 6, 4);
    std::memcpy(&rest, header + 10, 4);
    if (checksum(0, header + 1, 5) != lengths || header[1] > KESWICK_NAME_MAX || value_size > KESWICK_VALUE_MAX) throw damage;
    off_t body_size = off_t{header[1]} + value_size;
    if (body_size > left - header_size && header[0] == 'K') return 0;
    if (body_size > left - header_size) throw damage;
    if (header[0] == 'K') {
      Secret body(static_cast<size_t>(body_size));
      read(body.data(), body.size(), end + header_size);
      if (checksum(0, body.data(), body.size()) != rest) throw damage;
      entries.emplace(std::string(body.begin(), body.begin() + header[1]), Entry{end, value_size});
    }
    return header_size + body_size;
  }

  bool is_zero(off_t left) {
    Secret bytes(static_cast<size_t>(left));
    read(bytes.data(), bytes.size(), end);
    return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
  }

  void read(void *bytes, size_t size, off_t place) {
    if (pread(file, bytes, size, place) != static_cast<ssize_t>(size)) throw system_failure("cannot read the file");
  }

  // The file itself may be new: it must not vanish with a crash of the machine.
  static void sync_directory(const std::string &path) {
    size_t slash = path.rfind('/');
    std::string name = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    int directory = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = directory >= 0 && fsync(directory) == 0;
    if (directory >= 0) ::close(directory);
    if (!is_synced) throw system_failure("cannot sync the directory");
  }

  std::mutex lock;  // Calls come from several threads at once: all of them take this.
  int file;
  off_t end = 0;  // Where the next record goes.
  bool is_broken = false;
  std::map<std::string, Entry> entries;  // In bytewise order.
};

namespace {

keswick_result do_open(keswick_bytes configuration, const keswick_host *host, const keswick_call *call, keswick_instance **instance) {
  return answer(call, [&] {
    *instance = new keswick_instance(parse(view(configuration)));
    host->log(host->context, KESWICK_LOG_INFO, {reinterpret_cast<const uint8_t *>("opened"), 6});
  });
}

void do_close(keswick_instance *instance) { delete instance; }

keswick_result do_create(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_bytes value) {
  return answer(call, [&] {
    std::string key = checked(name);
    if (value.size > KESWICK_VALUE_MAX) throw Failure{KESWICK_INVALID, "a value has at most 1 MiB"};
    store->create(key, value);
  });
}

keswick_result do_get(keswick_instance *store, const keswick_call *call, keswick_bytes name, keswick_sink value) {
  return answer(call, [&] { store->get(checked(name), value); });
}

keswick_result do_remove(keswick_instance *store, const keswick_call *call, keswick_bytes name) {
  return answer(call, [&] { store->remove(checked(name)); });
}

keswick_result do_list(keswick_instance *store, const keswick_call *call, keswick_bytes prefix, keswick_bytes after, size_t limit,
                       keswick_sink names) {
  return answer(call, [&] {
    if (limit == 0 || !is_text(view(prefix)) || !is_text(view(after))) throw Failure{KESWICK_INVALID, "no such prefix, position or limit"};
    store->list(std::string(view(prefix)), std::string(view(after)), limit, names);
  });
}

// The name is what the server's configuration calls the keystore: keystore: { logfile: { path: … } }.
const keswick_keystore table = {KESWICK_ABI_VERSION, sizeof(keswick_keystore), "logfile", "0.1.0", KESWICK_DURABLE,
                                do_open, do_close, do_create, do_get, do_remove, do_list, nullptr /* status is optional */};

}  // namespace

const keswick_keystore *keswick_keystore_plugin(void) { return &table; }
