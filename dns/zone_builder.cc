#include "dns/zone_builder.h"

#include <algorithm>
#include <random>

#include "dns/records.h"

namespace minik::dns {
namespace {

constexpr std::string_view kServices = "services", kPods = "pods", kNamespaces = "namespaces";
constexpr std::array<std::string_view, 4> kRead{kServices, kPods, kNamespaces,
                                                "endpointslices.discovery.k8s.io"};
const api::NsName kOwnService{"kube-system", "kube-dns"};

std::vector<std::string> areas_of(const ZoneConfig& config, const std::string& domain) {
  std::vector<std::string> areas{domain};
  for (const auto* ranges : {&config.service_cidrs, &config.pod_cidrs}) {
    for (const Cidr& range : *ranges) {
      for (std::string& zone : reverse_zones(range)) {
        if (std::find(areas.begin(), areas.end(), zone) == areas.end()) areas.push_back(std::move(zone));
      }
    }
  }
  // Longest first, so that of nested zones the nearest answers.
  std::stable_sort(areas.begin() + 1, areas.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  return areas;
}

bool by_name(const NodePtr& a, const NodePtr& b) { return a->name() < b->name(); }

std::vector<NodePtr> parts_of(const NodePtr& node) {
  if (node == nullptr) return {};
  if (!node->parts().empty()) return node->parts();
  if (node->cause() == nullptr) return {};
  return {node};
}

}  // namespace

Result<ZoneBuilder> ZoneBuilder::make(ZoneConfig config) {
  const auto domain = wire_name(config.domain);
  if (!domain || domain->size() < 2) {
    return Error(Code::kInvalid, "cluster domain '" + config.domain + "' is no DNS name");
  }
  auto settings = std::make_shared<ZoneSettings>();
  settings->areas = areas_of(config, *domain);
  settings->ttl = config.ttl;
  settings->negative_ttl = config.negative_ttl;
  std::random_device random;
  settings->hash_seed = (std::uint64_t{random()} << 32) | random();
  return ZoneBuilder(std::move(config), std::move(settings));
}

ZoneBuilder::ZoneBuilder(ZoneConfig config, std::shared_ptr<const ZoneSettings> settings)
    : config_(std::move(config)),
      structure_key_{"zones", "", config_.domain},
      zone_(std::make_shared<Zone>(std::move(settings))) {}

std::shared_ptr<const Zone> ZoneBuilder::update(const api::SnapshotPtr& now) {
  const bool same = std::all_of(kRead.begin(), kRead.end(), [&](std::string_view resource) {
    return api::Snapshot::same(seen_.get(), *now, resource);
  });
  if (same) return zone_;
  ZoneEditor editor(*zone_);
  Change change{editor, now};
  const auto changed = services_.update(now);
  if (seen_ == nullptr || changed.contains(kOwnService)) update_structure(change);
  update_each(change, kNamespaces, namespace_records);
  update_each(change, kPods, pod_records);
  for (const api::NsName& name : changed) update_service(change, name);
  seen_ = now;
  if (editor.changed()) zone_ = std::move(editor).finish(static_cast<std::uint32_t>(now->revision()));
  return zone_;
}

RecordContext ZoneBuilder::context_for(const api::Key& key) {
  const auto known = contributions_.find(key);
  return {zone_->domain(), config_.ttl,
          known == contributions_.end() ? std::make_shared<const api::Key>(key) : known->second.cause};
}

void ZoneBuilder::update_structure(Change& change) {
  std::vector<Ip> ips;
  if (const auto service = change.now->find(kServices, kOwnService.ns, kOwnService.name)) {
    ips = service->view<api::Service>().cluster_ips;
  }
  if (ips.empty()) ips.push_back(config_.dns_ip);
  const RecordContext context = context_for(structure_key_);
  replace(change, context, structure_records(zone_->areas(), ips, context));
}

void ZoneBuilder::update_service(Change& change, const api::NsName& name) {
  const RecordContext context = context_for({std::string(kServices), name.ns, name.name});
  const auto service = change.now->find(*context.cause);
  replace(change, context,
          service == nullptr ? std::vector<NodePtr>{}
                             : service_records(*service, services_.slices(name), context));
}

void ZoneBuilder::update_each(Change& change, std::string_view resource, Compile compile) {
  api::Snapshot::diff(seen_.get(), *change.now, resource,
                      [&](const api::ObjectPtr& before, const api::ObjectPtr& after) {
                        const RecordContext context = context_for((after ? after : before)->key());
                        replace(change, context, after ? compile(*after, context) : std::vector<NodePtr>{});
                      });
}

void ZoneBuilder::replace(Change& change, const RecordContext& context, std::vector<NodePtr> nodes) {
  std::sort(nodes.begin(), nodes.end(), by_name);
  const auto known = contributions_.find(*context.cause);
  std::vector<NodePtr> before;
  if (known != contributions_.end()) before = std::move(known->second.nodes);
  auto old = before.begin();
  for (NodePtr& node : nodes) {
    while (old != before.end() && by_name(*old, node)) remove_part(change, *old++);
    if (old != before.end() && (*old)->name() == node->name()) {
      if ((*old)->same_records(*node)) {
        node = *old++;
        continue;
      }
      ++old;
    }
    put_part(change, node);
  }
  for (; old != before.end(); ++old) remove_part(change, *old);
  if (!nodes.empty()) {
    contributions_[*context.cause] = {context.cause, std::move(nodes)};
  } else if (known != contributions_.end()) {
    contributions_.erase(known);
  }
}

void ZoneBuilder::put_part(Change& change, const NodePtr& part) {
  std::vector<NodePtr> parts = parts_of(change.editor.zone().find_ptr(part->name()));
  const auto place =
      std::lower_bound(parts.begin(), parts.end(), part,
                       [](const NodePtr& a, const NodePtr& b) { return *a->cause() < *b->cause(); });
  if (place != parts.end() && (*place)->cause() == part->cause()) {
    *place = part;
  } else {
    parts.insert(place, part);
  }
  set_parts(change, part->name(), std::move(parts));
}

void ZoneBuilder::remove_part(Change& change, const NodePtr& part) {
  std::vector<NodePtr> parts = parts_of(change.editor.zone().find_ptr(part->name()));
  std::erase_if(parts, [&](const NodePtr& p) { return p->cause() == part->cause(); });
  set_parts(change, part->name(), std::move(parts));
}

void ZoneBuilder::set_parts(Change& change, std::string_view name, std::vector<NodePtr> parts) {
  const bool existed = change.editor.zone().find(name) != nullptr;
  if (parts.empty()) {
    const std::string owned(name);
    if (children_.contains(owned)) {
      change.editor.put(NodeDraft(owned, config_.ttl).finish(nullptr));
    } else if (existed) {
      change.editor.erase(owned);
      disappear(change, owned);
    }
    return;
  }
  const NodePtr node = parts.size() == 1 ? parts.front() : merge(std::move(parts), config_.ttl);
  change.editor.put(node);
  if (!existed) appear(change, node->name());
}

// The name now exists: so does its parent, up to the apex of the area.
void ZoneBuilder::appear(Change& change, std::string_view name) {
  const std::string* area = zone_->area_of(name);
  if (area == nullptr || name == *area) return;
  const std::string parent(parent_name(name));
  if (++children_[parent] > 1 || change.editor.zone().find(parent) != nullptr) return;
  change.editor.put(NodeDraft(parent, config_.ttl).finish(nullptr));
  appear(change, parent);
}

void ZoneBuilder::disappear(Change& change, std::string_view name) {
  const std::string* area = zone_->area_of(name);
  if (area == nullptr || name == *area) return;
  const std::string parent(parent_name(name));
  const auto count = children_.find(parent);
  if (--count->second > 0) return;
  children_.erase(count);
  if (!parts_of(change.editor.zone().find_ptr(parent)).empty()) return;
  change.editor.erase(parent);
  disappear(change, parent);
}

}  // namespace minik::dns
