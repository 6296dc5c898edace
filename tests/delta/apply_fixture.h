// A base and a delta over it, for tests of what writes to a base.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mounthelper/delta/apply.h"
#include "tests/delta/snapshot_trees.h"
#include "tests/delta/trees.h"

namespace agentfense::delta_test {

class Delta {
 public:
  Delta() = default;

  [[nodiscard]] bool usable() const { return layers_.usable(); }
  [[nodiscard]] std::string base() const { return layers_.path() + "/base"; }
  [[nodiscard]] std::string upper() const { return layers_.path() + "/delta/upper"; }
  [[nodiscard]] std::string meta() const { return layers_.path() + "/delta/meta"; }
  [[nodiscard]] int base_handle() const { return layers_.base(); }
  [[nodiscard]] const Layers &layers() const { return layers_; }
  [[nodiscard]] const delta::Store &store() const { return store_; }

  // Makes both, with a time of its own for each file, and notes the origin of every base file, the root too.
  // between: runs when both are there, before times are set.
  void make(const Tree &base, const Tree &upper, const std::function<void()> &between = {});
  // Of what the base has now.
  void note_origins() const;

  [[nodiscard]] delta::ApplyRequest request(const table::Table &table) const;
  [[nodiscard]] Snapshot merged(Detail detail = Detail::all) const {
    return merged_snapshot(upper(), base(), detail);
  }
  [[nodiscard]] std::vector<std::string> left_in_upper() const;

 private:
  Layers layers_;
  delta::Store store_;
};

// "applied a", "refused b: why" for each change.
[[nodiscard]] std::vector<std::string> fates(const delta::ApplyReport &report);

}  // namespace agentfense::delta_test
