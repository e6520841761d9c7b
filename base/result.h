// Result and Error: how a function says that it failed.  Only these cross a room's door; exceptions of
// libraries are caught where the library is called.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace minik {

enum class Code : std::uint8_t {
  kInvalid,  // The caller's input is wrong (HTTP 422 when it has causes, else 400).
  kNotFound,
  kAlreadyExists,
  kConflict,  // Somebody changed it first.
  kGone,      // Too old a revision.
  kForbidden,
  kUnauthorized,
  kUnsupported,  // Media type or method that we do not speak.
  kTooLarge,
  kUnavailable,  // Try again later.
  kTimeout,
  kKernel,    // sys_errno() says which errno.
  kInternal,  // Our own mistake.
};

// One wrong field of an API object, as in metav1.StatusCause.
struct FieldCause {
  std::string reason;   // FieldValueInvalid, FieldValueRequired, ...
  std::string field;    // spec.ports[0].port
  std::string message;  // Invalid value: 0: must be between 1 and 65535, inclusive
  bool operator==(const FieldCause&) const = default;
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}
  // ENOENT → kNotFound, EEXIST → kAlreadyExists, else kKernel.  `what` is what was being done.
  static Error from_errno(int err, std::string_view what);

  Code code() const { return code_; }
  int sys_errno() const { return errno_; }
  const std::string& message() const { return message_; }
  // Empty unless code() is kInvalid and the fields are known.
  const std::vector<FieldCause>& causes() const { return causes_; }
  Error&& with_causes(std::vector<FieldCause> causes) && {
    causes_ = std::move(causes);
    return std::move(*this);
  }
  // Puts "doing: " in front of the message.
  Error&& wrap(std::string_view doing) &&;

 private:
  Code code_;
  int errno_ = 0;
  std::string message_;
  std::vector<FieldCause> causes_;
};

template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose.
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  void value() const {}
  const Error& error() const& { return *error_; }
  Error&& error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

// auto link = TRY(kernel.link("cbr0"));   returns the Error to our caller if there is one.
#define MINIK_CONCAT_(a, b) a##b
#define MINIK_CONCAT(a, b) MINIK_CONCAT_(a, b)
#define MINIK_TRY(result, expression)                   \
  __extension__({                                       \
    auto result = (expression);                         \
    if (!result.ok()) return std::move(result).error(); \
    std::move(result).value();                          \
  })
#define TRY(expression) MINIK_TRY(MINIK_CONCAT(try_result_, __COUNTER__), expression)

// For our own mistakes, never for input.  Stays on in release builds.
[[noreturn]] void assert_failed(const char* expression, const char* file, int line);
#define MINIK_ASSERT(expression) \
  ((expression) ? static_cast<void>(0) : ::minik::assert_failed(#expression, __FILE__, __LINE__))

}  // namespace minik
