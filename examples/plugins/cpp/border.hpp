// What every keystore in C++ needs at the border to the server: failures, deadlines, names, and a small configuration.
#pragma once

#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "keswick_keystore.h"

// A result other than OK, and what the operator is told. Never put a value, or a part of one, into the message.
struct Failure {
  keswick_result result;
  std::string message;
};

inline Failure system_failure(const std::string &what) {
  return {KESWICK_UNREACHABLE, what + ": " + std::system_category().message(errno)};
}

// Bytes that are wiped before they are freed.
struct Secret : std::vector<uint8_t> {
  using vector::vector;
  ~Secret() {
    if (!empty()) explicit_bzero(data(), size());
  }
};

inline std::string_view view(keswick_bytes bytes) { return {reinterpret_cast<const char *>(bytes.data), bytes.size}; }

inline bool is_text(std::string_view text) {
  return text.find_first_not_of("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz") == text.npos;
}

// Other names are refused whatever the server checks before: a name must never become a path or a query by accident.
inline std::string checked(keswick_bytes bytes) {
  std::string_view name = view(bytes);
  if (name.empty() || name.size() > KESWICK_NAME_MAX || name[0] == '.' || !is_text(name))
    throw Failure{KESWICK_INVALID, "a name has 1 to 128 bytes of 0-9 A-Z a-z - _ . and no dot in front"};
  return std::string(name);
}

// Reads {"path": "FILE"}, without escapes, and nothing else: a member with a typo must not pass. For more, take a JSON library.
inline std::string parse(std::string_view json) {
  const Failure failure{KESWICK_INVALID, "the configuration must be {\"path\": \"FILE\"}"};
  auto take = [&](std::string_view part) {
    json.remove_prefix(std::min(json.find_first_not_of(" \t\r\n"), json.size()));
    if (json.substr(0, part.size()) != part) throw failure;
    json.remove_prefix(part.size());
  };
  for (std::string_view part : {"{", "\"path\"", ":", "\""}) take(part);
  std::string path(json.substr(0, json.find('"')));
  for (unsigned char c : path)
    if (c < ' ' || c == '\\') throw failure;
  json.remove_prefix(path.size());
  for (std::string_view part : {"\"", "}", ""}) take(part);
  if (path.empty() || !json.empty()) throw failure;
  return path;
}

// Every function goes through here: after the deadline nothing may be changed any more, and no exception may reach the server.
template <typename Body>
keswick_result answer(const keswick_call *call, Body body) {
  Failure failure{KESWICK_OK, ""};
  try {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec) >= call->deadline)
      throw Failure{KESWICK_TIMEOUT, "the deadline passed"};
    body();
    return KESWICK_OK;
  } catch (const Failure &thrown) {
    failure = thrown;
  } catch (const std::exception &error) {
    failure = {KESWICK_INTERNAL, error.what()};
  } catch (...) {
    failure = {KESWICK_INTERNAL, "an exception that says nothing"};
  }
  if (!failure.message.empty())
    call->error.write(call->error.context, {reinterpret_cast<const uint8_t *>(failure.message.data()), failure.message.size()});
  return failure.result;
}
