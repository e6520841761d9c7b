#include "apiserver/custom_kinds.h"

#include "api/custom_kind.h"
#include "api/definition.h"

namespace minik::apiserver {

api::SchemaPtr CustomKinds::schema() const {
  const std::lock_guard lock(mutex_);
  const api::SnapshotPtr now = store_.snapshot();
  if (schema_ != nullptr && api::Snapshot::same(seen_.get(), *now, api::kDefinitions)) {
    seen_ = now;  // So that no old revision is kept alive.
    return schema_;
  }
  std::map<std::string, Read> definitions;
  std::vector<api::Kind> all;
  now->for_each(api::kDefinitions, "", [&](const api::ObjectPtr& object) {
    Read& read = definitions[object->name()];
    const auto known = definitions_.find(object->name());
    if (known != definitions_.end() && known->second.revision == object->revision())
      read = known->second;
    else
      read = {object->revision(), api::kinds_of_definition(object->body())};
    all.insert(all.end(), read.kinds.begin(), read.kinds.end());
  });
  definitions_ = std::move(definitions);
  schema_ = api::Schema::with_custom(std::move(all));
  seen_ = now;
  return schema_;
}

}  // namespace minik::apiserver
