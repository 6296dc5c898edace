// Status and Result: how the helper's modules report failure to each other.
//
// A failure carries an errno (0 where no system call stands behind it is never used: choose the
// nearest one) and, where an operator will read it, one sentence with cause, place and remedy.
// Operations inside the view answer with the errno alone and leave the sentence empty.
#pragma once

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace agentfense::sys {

class [[nodiscard]] Status {
 public:
  Status() = default;
  // REQUIRES: error > 0.
  static Status failure(int error, std::string message = {}) {
    Status status;
    status.error_ = error;
    status.message_ = std::move(message);
    return status;
  }

  [[nodiscard]] bool ok() const { return error_ == 0; }
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] const std::string &message() const { return message_; }

 private:
  int error_ = 0;
  std::string message_;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}            // NOLINT(google-explicit-constructor)
  Result(Status failure) : status_(std::move(failure)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] int error() const { return status_.error(); }
  [[nodiscard]] const Status &status() const { return status_; }
  // REQUIRES: ok().
  T &operator*() { return *value_; }
  const T &operator*() const { return *value_; }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Status status_;
};

// The failure of the system call that just returned -1.
[[nodiscard]] inline Status errno_status() { return Status::failure(errno); }

}  // namespace agentfense::sys
