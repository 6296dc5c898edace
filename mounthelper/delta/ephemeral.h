// Ephemeral: a delta in a temporary directory, which goes with the object.
//
// Made by the run command. What a killed process left is removed when the same user makes the next one.
#pragma once

#include <string>
#include <vector>

#include "mounthelper/delta/store.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

class Ephemeral {
 public:
  // In the first of `places` that can keep a delta; nothing in it is synced. The failure's message is one
  // sentence about all of them. REQUIRES: base is a handle of the base's root.
  [[nodiscard]] static sys::Result<Ephemeral> make(const std::vector<std::string> &places, int base,
                                                   const std::string &base_path);
  // $TMPDIR where it is set, /var/tmp, /tmp.
  [[nodiscard]] static std::vector<std::string> usual_places();

  Ephemeral(Ephemeral &&) = default;
  Ephemeral &operator=(Ephemeral &&) = delete;
  ~Ephemeral();

  [[nodiscard]] const Store &store() const { return store_; }
  [[nodiscard]] std::string path() const { return place_ + "/" + name_; }

  // From now on it is an ordinary delta, synced, that outlives the object under a name that no sweep takes: path()
  // says which. The failure's message is one sentence.
  [[nodiscard]] sys::Status keep();
  // What the destructor does of one that is not kept; says how it went.
  sys::Status remove();

 private:
  Ephemeral() = default;
  sys::Status keep_under_another_name();
  std::string place_;
  std::string name_;
  sys::Fd parent_;  // of place_; none once it is removed
  sys::Fd hold_;    // a lock on the directory itself, which tells it from what a killed process left
  Store store_;
  bool kept_ = false;
};

}  // namespace agentfense::delta
