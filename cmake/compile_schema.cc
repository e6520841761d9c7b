// Build tool: api/schema/*.yaml → one C++ file with the schema as JSON text.
// usage: compile_schema OUT.cc FILE.yaml...
// Field order matters to readers of `explain`, so fields become [name, text] pairs in the order of the file.
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace {

nlohmann::json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() != "!" && (text == "true" || text == "false")) return text == "true";
  return text;
}

nlohmann::json plain(const YAML::Node& node) {
  if (node.IsMap()) {
    nlohmann::json out = nlohmann::json::object();
    for (const auto& entry : node) out[entry.first.Scalar()] = plain(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    nlohmann::json out = nlohmann::json::array();
    for (const auto& item : node) out.push_back(plain(item));
    return out;
  }
  return scalar(node);
}

void add_fields(const YAML::Node& fields, nlohmann::json& out) {
  for (const auto& entry : fields) {
    if (entry.first.Scalar() == "<<") {
      add_fields(entry.second, out);
    } else {
      out.push_back({entry.first.Scalar(), entry.second.Scalar()});
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  nlohmann::json all = {{"types", nlohmann::json::object()}, {"kinds", nlohmann::json::array()}};
  for (int i = 2; i < argc; ++i) {
    try {
      const YAML::Node file = YAML::LoadFile(argv[i]);
      for (const auto& type : file["types"]) {
        auto& out = all["types"][type.first.Scalar()];
        out["d"] = type.second["d"].Scalar();
        out["f"] = nlohmann::json::array();
        add_fields(type.second["f"], out["f"]);
      }
      if (file["kinds"]) {
        for (const auto& kind : file["kinds"]) all["kinds"].push_back(plain(kind));
      }
    } catch (const YAML::Exception& e) {
      std::cerr << argv[i] << ":" << e.mark.line + 1 << ": " << e.msg << "\n";
      return 1;
    }
  }
  std::ofstream out(argv[1]);
  out << "#include <string_view>\nnamespace minik::api {\nextern const std::string_view kCompiledSchema;\n"
         "const std::string_view kCompiledSchema =\n";
  const std::string text = all.dump();
  constexpr std::size_t kPiece = 4000;  // Compilers limit one literal.
  for (std::size_t at = 0; at < text.size(); at += kPiece) {
    out << "    R\"schema(" << text.substr(at, kPiece) << ")schema\"\n";
  }
  out << ";\n}  // namespace minik::api\n";
  return out.good() ? 0 : 1;
}
