// The delta as an OCI image layer: https://github.com/opencontainers/image-spec/blob/main/layer.md
//
// Every path of the upper layer in the order of paths, a directory right before what is in it: whiteouts as `.wh.NAME`,
// a directory that hides one of the base with `.wh..wh..opq` right after it, further names of a file as hard
// links. The root is `./`. The same delta gives the same bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct LayerRequest {
  const Store *store = nullptr;  // not owned; nobody writes to it meanwhile
  int base = -1;
  int out = -1;                          // open for writing
  std::function<void(size_t)> progress;  // entries done; may be empty
};

struct LayerReport {
  std::vector<std::string> left_out;  // sockets: tar has no place for them
};

// Attributes: user.* and security.capability; none of the name user.overlay.*, which would be a mark to who unpacks
// it. EINVAL with a sentence, and nothing written, where the delta has files whose names begin with `.wh.`, since a
// reader takes these for whiteouts.
[[nodiscard]] sys::Result<LayerReport> write_layer(const LayerRequest &request);

}  // namespace agentfense::delta
