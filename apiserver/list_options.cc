#include "apiserver/list_options.h"

#include <fmt/format.h>

#include <charconv>

#include "base/files.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

constexpr const char* kTokenVersion = "meta.k8s.io/v1";

Result<std::int64_t> query_int(const Request& request, const std::string& name) {
  const std::string text = request.param(name);
  if (text.empty()) return std::int64_t{0};
  std::int64_t value = 0;
  const char* first = text.data() + (text[0] == '+' && text.size() > 1 && text[1] != '-' ? 1 : 0);
  const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  const bool range = error == std::errc::result_out_of_range && end == text.data() + text.size();
  return Error(Code::kInvalid, fmt::format("strconv.ParseInt: parsing {}: {}", to_text(text),
                                           range ? "value out of range" : "invalid syntax"));
}

Result<std::optional<std::uint64_t>> query_revision(const std::string& text) {
  if (text.empty()) return std::optional<std::uint64_t>();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return std::optional<std::uint64_t>(value);
  const bool range = error == std::errc::result_out_of_range && end == text.data() + text.size();
  return Error(Code::kInvalid,
               fmt::format("resourceVersion: Invalid value: {0}: strconv.ParseUint: parsing {0}: {1}",
                           to_text(text), range ? "value out of range" : "invalid syntax"));
}

FieldCause forbidden(const char* field, const std::string& why) {
  return {"FieldValueForbidden", field, "Forbidden: " + why};
}

FieldCause unsupported_match(const std::string& match, const char* supported) {
  return {"FieldValueNotSupported", "resourceVersionMatch",
          fmt::format("Unsupported value: {}: supported values: {}", to_text(match), supported)};
}

std::vector<FieldCause> check_list(const ListOptions& options, const std::string& match) {
  std::vector<FieldCause> causes;
  constexpr const char* kField = "resourceVersionMatch";
  if (!match.empty()) {
    if (!options.revision)
      causes.push_back(
          forbidden(kField, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (!options.continue_token.empty())
      causes.push_back(forbidden(kField, "resourceVersionMatch is forbidden with continue"));
    if (options.match == ListOptions::Match::kUnset)
      causes.push_back(unsupported_match(match, R"("Exact", "NotOlderThan", "")"));
    if (options.match == ListOptions::Match::kExact && options.revision == 0)
      causes.push_back(
          forbidden(kField, R"(resourceVersionMatch "Exact" is forbidden for resourceVersion "0")"));
  }
  if (options.send_initial)
    causes.push_back(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return causes;
}

std::vector<FieldCause> check_watch(const ListOptions& options, const std::string& match) {
  std::vector<FieldCause> causes;
  constexpr const char* kField = "resourceVersionMatch";
  const bool newer = options.match == ListOptions::Match::kNotOlderThan;
  if (options.send_initial && !newer)
    causes.push_back(
        forbidden(kField, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (match.empty()) return causes;
  if (!options.send_initial)
    causes.push_back(forbidden(
        kField, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  if (!newer) causes.push_back(unsupported_match(match, R"("NotOlderThan")"));
  if (!options.continue_token.empty())
    causes.push_back(forbidden(kField, "resourceVersionMatch is forbidden with continue"));
  return causes;
}

}  // namespace

bool query_bool(const Request& request, const std::string& name) {
  const auto it = request.query.find(name);
  if (it == request.query.end()) return false;
  const std::string value = lower(it->second);
  return value != "false" && value != "0";
}

About list_options_about() { return {"", "meta.k8s.io", "ListOptions", "ListOptions", ""}; }

Result<ListOptions> parse_list_options(const Request& request, bool watch) {
  ListOptions options;
  options.watch = watch;
  options.bookmarks = query_bool(request, "allowWatchBookmarks");
  if (request.query.contains("sendInitialEvents"))
    options.send_initial = query_bool(request, "sendInitialEvents");
  options.limit = std::max<std::int64_t>(0, TRY(query_int(request, "limit")));
  const std::int64_t seconds = TRY(query_int(request, "timeoutSeconds"));
  constexpr std::int64_t kDay = 86'400;
  if (seconds > 0) options.timeout = std::chrono::seconds(std::min(seconds, kDay));
  options.continue_token = request.param("continue");
  options.revision = TRY(query_revision(request.param("resourceVersion")));
  const std::string match = request.param("resourceVersionMatch");
  if (match == "Exact") options.match = ListOptions::Match::kExact;
  if (match == "NotOlderThan") options.match = ListOptions::Match::kNotOlderThan;
  auto causes = watch ? check_watch(options, match) : check_list(options, match);
  if (!causes.empty()) {
    std::vector<std::string> texts;
    for (const auto& cause : causes) texts.push_back(cause.field + ": " + cause.message);
    std::string text = join(texts, ", ");
    if (texts.size() > 1) text = "[" + text + "]";
    return Error(Code::kInvalid, R"(ListOptions.meta.k8s.io "" is invalid: )" + text)
        .with_causes(std::move(causes));
  }
  if (!watch && !options.continue_token.empty() && options.revision.value_or(0) != 0)
    return Error(Code::kInvalid, "specifying resource version is not allowed when using continue");
  return options;
}

std::string ContinueToken::text() const {
  const Json json = {{"v", kTokenVersion},
                     {"rv", revision ? Json(*revision) : Json(-1)},
                     {"ns", after.ns},
                     {"start", after.name}};
  return base64(to_text(json));
}

Result<ContinueToken> ContinueToken::parse(std::string_view text) {
  const auto bad = [](const std::string& why) {
    return Error(Code::kInvalid, "invalid continue token: continue key is not valid: " + why);
  };
  const auto decoded = base64_decode(std::string(text));
  if (!decoded.ok()) return bad("illegal base64 data");
  const auto json = parse_json(*decoded);
  if (!json.ok() || !json->is_object()) return bad("no JSON object");
  if (const std::string version = string_at(*json, "v"); version != kTokenVersion)
    return bad("server does not recognize this encoded version " + to_text(version));
  ContinueToken token;
  const Json* revision = find(*json, "rv");
  const bool any = revision != nullptr && *revision == -1;
  if (revision == nullptr || (!any && (!revision->is_number_unsigned() || *revision == 0)))
    return bad(fmt::format("incorrect encoded start resourceVersion (version {})", kTokenVersion));
  if (!any) token.revision = revision->get<std::uint64_t>();
  token.after = {string_at(*json, "ns"), string_at(*json, "start")};
  if (token.after.name.empty()) return bad("no start key");
  return token;
}

Result<> check_reached(std::uint64_t wanted, std::uint64_t current) {
  if (wanted <= current) return {};
  return Error(Code::kTimeout, fmt::format("Too large resource version: {}, current: {}", wanted, current))
      .with_causes({{"ResourceVersionTooLarge", "", "Too large resource version"}});
}

}  // namespace minik::apiserver
