#include "apiserver/negotiation.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "base/yaml.h"

namespace minik::apiserver {
namespace {

struct Clause {
  std::string type;
  std::map<std::string, std::string> parameters;
  double q = 1;
};

double quality(const std::string& text) {
  char* end = nullptr;
  const double q = std::strtod(text.c_str(), &end);
  return end != text.c_str() + text.size() || !std::isfinite(q) ? 1 : std::clamp(q, 0.0, 1.0);
}

// Best first; equals in the client's order.
std::vector<Clause> clauses_of(std::string_view header) {
  std::vector<Clause> clauses;
  for (const auto& part : split(header, ',')) {
    Clause clause;
    const auto words = split(part, ';');
    clause.type = lower(trim(words[0]));
    if (clause.type.empty()) continue;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto at = words[i].find('=');
      if (at == std::string::npos) continue;
      clause.parameters[lower(trim(std::string_view(words[i]).substr(0, at)))] =
          std::string(trim(std::string_view(words[i]).substr(at + 1)));
    }
    if (const auto q = clause.parameters.find("q"); q != clause.parameters.end())
      clause.q = quality(q->second);
    clauses.push_back(std::move(clause));
  }
  std::stable_sort(clauses.begin(), clauses.end(), [](const auto& a, const auto& b) { return a.q > b.q; });
  return clauses;
}

std::optional<Accepted> form_of(const Clause& clause) {
  Accepted form;
  form.yaml = clause.type == "application/yaml";
  const bool json =
      clause.type == "application/json" || clause.type == "*/*" || clause.type == "application/*";
  if (clause.q == 0 || (!json && !form.yaml)) return {};
  const auto parameter = [&](const char* name) {
    const auto it = clause.parameters.find(name);
    return it == clause.parameters.end() ? std::string() : it->second;
  };
  const std::string as = parameter("as");
  if (as.empty()) return form;
  form.meta_version = parameter("v");
  if (parameter("g") != "meta.k8s.io" || (form.meta_version != "v1" && form.meta_version != "v1beta1"))
    return {};
  if (as == "Table")
    form.as = Accepted::As::kTable;
  else if (as == "PartialObjectMetadata" || as == "PartialObjectMetadataList")
    form.as = Accepted::As::kPartial;
  else
    return {};
  return form;
}

bool for_people(const Request& request) {
  if (const std::string pretty = request.param("pretty"); !pretty.empty())
    return pretty == "1" || lower(pretty) == "t" || lower(pretty) == "true";
  return request.user_agent.starts_with("curl") || request.user_agent.starts_with("Wget") ||
         request.user_agent.starts_with("Mozilla/5.0");
}

}  // namespace

std::optional<Accepted> negotiate(std::string_view accept) {
  if (trim(accept).empty()) return Accepted{};
  for (const Clause& clause : clauses_of(accept)) {
    if (auto form = form_of(clause)) return form;
  }
  return {};
}

void dress(const Request& request, Response& response) {
  if (response.stream || response.content_type != "application/json") return;
  const auto accepted = negotiate(request.accept);
  const bool yaml = accepted && accepted->yaml;
  if (!yaml && !for_people(request)) return;
  const auto json = parse_json(response.body);
  if (!json.ok()) return;
  if (yaml) {
    response.content_type = "application/yaml";
    response.body = to_yaml(*json);
    if (!response.body.ends_with('\n')) response.body += '\n';
  } else {
    response.body = json->dump(2, ' ', false, Json::error_handler_t::replace);
  }
}

std::optional<std::string> gzip(std::string_view body) {
  z_stream z{};
  constexpr int kGzipWindow = 15 + 16, kMemory = 8;
  if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&z, body.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  z.avail_in = static_cast<uInt>(body.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const bool whole = body.size() <= UINT32_MAX && deflate(&z, Z_FINISH) == Z_STREAM_END;
  out.resize(z.total_out);
  deflateEnd(&z);
  return whole ? std::optional(std::move(out)) : std::nullopt;
}

bool accepts_gzip(std::string_view accept_encoding) {
  const auto clauses = clauses_of(accept_encoding);
  return std::any_of(clauses.begin(), clauses.end(),
                     [](const Clause& c) { return c.type == "gzip" && c.q > 0; });
}

}  // namespace minik::apiserver
