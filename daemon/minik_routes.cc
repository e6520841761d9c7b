#include "daemon/minik_routes.h"

#include "api/pod.h"
#include "apiserver/status.h"

namespace minik::daemon {
namespace {

using apiserver::Request;
using apiserver::Response;

Response json(Json value) {
  Response response;
  response.body = to_text(value);
  return response;
}

Response failed(const Error& error) {
  Response response;
  response.status = apiserver::http_status(error);
  response.body = to_text(apiserver::status_json(error, {}));
  return response;
}

Json image_json(const runtime::ImageInfo& image) {
  return {{"name", image.name},
          {"id", image.id},
          {"source", image.source},
          {"bytes", image.bytes},
          {"created", rfc3339(image.created)}};
}

}  // namespace

Response MinikRoutes::handle(const Request& request) {
  if (request.path == "/minik/status" && request.method == "GET") return status();
  if (request.path == "/minik/images") return images(request);
  return failed(Error(Code::kNotFound, "the server could not find the requested resource"));
}

Response MinikRoutes::status() const {
  const auto objects = store_.snapshot();
  std::size_t running = 0;
  objects->for_each("pods", "", [&](const api::ObjectPtr& pod) {
    running += pod->view<api::Pod>().phase == "Running" ? 1 : 0;
  });
  Json counts = Json::object();
  for (const auto& resource : objects->resources()) counts[resource] = objects->count(resource);
  const std::string trouble = loop_.trouble();
  const auto part = [&](const char* name) {
    const auto at = trouble.find(std::string(name) + ": ");
    return Json{{"name", name},
                {"ok", at == std::string::npos},
                {"detail", at == std::string::npos ? "" : trouble.substr(at)}};
  };
  Json parts = Json::array(
      {{{"name", "store"}, {"ok", true}, {"detail", "revision " + std::to_string(objects->revision())}},
       part("network"),
       part("dns"),
       part("loop")});
  parts.push_back(
      {{"name", "pods"},
       {"ok", true},
       {"detail", std::to_string(running) + " of " + std::to_string(objects->count("pods")) + " running"}});
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  return json({{"cluster", cluster_.name},
               {"version", kVersion},
               {"uptimeSeconds", uptime.count()},
               {"revision", objects->revision()},
               {"parts", parts},
               {"counts", counts},
               {"lastError", trouble},
               {"config", cluster_.to_json()}});
}

Response MinikRoutes::images(const Request& request) {
  if (request.method == "GET") {
    const auto all = runtime_.images();
    if (!all.ok()) return failed(all.error());
    Json items = Json::array();
    for (const auto& image : *all) items.push_back(image_json(image));
    return json({{"items", items}});
  }
  if (request.method == "POST") {
    const auto body = parse_json(request.body);
    if (!body.ok()) return failed(body.error());
    const std::string name = string_at(*body, "name"), directory = string_at(*body, "directory");
    if (name.empty()) return failed(Error(Code::kInvalid, "name: Required value"));
    if (directory.empty() || directory[0] != '/')
      return failed(Error(Code::kInvalid, "directory: must be an absolute path"));
    const auto image = runtime_.add_image(name, directory);
    return image.ok() ? json(image_json(*image)) : failed(image.error());
  }
  if (request.method == "DELETE") {
    const auto removed = runtime_.remove_image(request.param("name"));
    return removed.ok() ? json(apiserver::success_json({request.param("name"), "", "", "images", ""}))
                        : failed(removed.error());
  }
  return failed(Error(Code::kInvalid, "the server does not allow this method on the requested resource"));
}

}  // namespace minik::daemon
