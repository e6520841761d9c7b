#include "kubectl-lite/minik_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "base/text.h"
#include "kubectl-lite/failure.h"
#include "kubectl-lite/tabwriter.h"
#include "kubectl-lite/text.h"

namespace minik::kubectl {
namespace {

Result<bool> wants_json(const std::string& output) {
  if (output.empty()) return false;
  if (output == "json") return true;
  return usage(fmt::format(
      "unable to match a printer suitable for the output format \"{}\", allowed formats are: json", output));
}

std::string size_text(std::int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", size, kUnits[unit]);
}

// Built-in images were never made: their time is the epoch.
std::string created_age(const std::string& created, WallTime now) {
  return created.starts_with("1970-01-01") ? "<none>" : age_of(created, now);
}

}  // namespace

Result<int> image_add(Session& session, const std::string& name, const std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(directory, error);
  if (error || !std::filesystem::is_directory(path, error))
    return failed(fmt::format("\"{}\" is no directory", directory));
  Call call;
  call.method = "POST";
  call.path = "/minik/images";
  call.body = to_text({{"name", name}, {"directory", path.lexically_normal().string()}});
  const Json image = TRY(session.fetch(call));
  session.out << fmt::format("image \"{}\" added ({})\n", string_at(image, "name", name),
                             size_text(int_at(image, "bytes")));
  return 0;
}

Result<int> image_list(Session& session, const std::string& output) {
  const bool json = TRY(wants_json(output));
  Call call;
  call.path = "/minik/images";
  const Json list = TRY(session.fetch(call));
  if (json) {
    session.out << go_json(list, 4) << '\n';
    return 0;
  }
  TabWriter writer = TabWriter::for_tables();
  writer.write("NAME\tID\tSIZE\tAGE\tSOURCE\n");
  for (const Json& image : array_at(list, "items")) {
    std::string id = string_at(image, "id");
    if (const auto colon = id.find(':'); colon != std::string::npos) id = id.substr(colon + 1);
    writer.write(fmt::format(
        "{}\t{}\t{}\t{}\t{}\n", string_at(image, "name"), id.substr(0, 12), size_text(int_at(image, "bytes")),
        created_age(string_at(image, "created"), session.clock.now()), string_at(image, "source")));
  }
  session.out << writer.flush();
  return 0;
}

Result<int> image_remove(Session& session, const std::string& name) {
  Call call;
  call.method = "DELETE";
  call.path = "/minik/images";
  call.query = {{"name", name}};
  TRY(session.fetch(call));
  session.out << fmt::format("image \"{}\" removed\n", name);
  return 0;
}

std::string status_text(const Json& status) {
  TabWriter writer = TabWriter::for_blocks();
  writer.write(fmt::format("Cluster:\t{}\n", string_at(status, "cluster")));
  writer.write(fmt::format("Version:\t{}\n", string_at(status, "version")));
  writer.write(
      fmt::format("Uptime:\t{}\n", human_duration(std::chrono::seconds(int_at(status, "uptimeSeconds")))));
  writer.write(fmt::format("Revision:\t{}\n", int_at(status, "revision")));
  const std::string last = string_at(status, "lastError");
  writer.write(fmt::format("Last error:\t{}\n", last.empty() ? "<none>" : last));
  writer.write("\nPART\tOK\tDETAIL\n");
  for (const Json& part : array_at(status, "parts")) {
    writer.write(fmt::format("{}\t{}\t{}\n", string_at(part, "name"), bool_at(part, "ok") ? "yes" : "NO",
                             string_at(part, "detail")));
  }
  const Json& counts = object_at(status, "counts");
  if (!counts.empty()) writer.write("\nOBJECTS\tCOUNT\n");
  for (const auto& [name, count] : counts.items())
    writer.write(fmt::format("{}\t{}\n", name, to_text(count)));
  std::string text;
  for (const std::string& line : split(writer.flush(), '\n')) {
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  text.pop_back();
  return text;
}

Result<int> cluster_status(Session& session, const std::string& output) {
  const bool json = TRY(wants_json(output));
  Call call;
  call.path = "/minik/status";
  const Json status = TRY(session.fetch(call));
  session.out << (json ? go_json(status, 4) + "\n" : status_text(status));
  const Json& parts = array_at(status, "parts");
  return std::all_of(parts.begin(), parts.end(), [](const Json& part) { return bool_at(part, "ok"); }) ? 0
                                                                                                       : 1;
}

}  // namespace minik::kubectl
