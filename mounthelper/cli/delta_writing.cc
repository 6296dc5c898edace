#include "mounthelper/cli/delta_writing.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "mounthelper/delta/journal.h"
#include "mounthelper/sys/base_dir.h"

namespace agentfense::cli {

sys::Result<OpenDelta> open_delta_to_write(const DeltaArguments &arguments, Writing writing) {
  sys::Result<sys::Fd> base = sys::open_base(arguments.base.c_str(), /*read_only=*/writing != Writing::base);
  if (!base.ok()) return base.status();
  delta::StoreRequest request;
  request.path = arguments.delta;
  request.base = base->get();
  request.base_path = arguments.base;
  request.shrinks = writing == Writing::shrinks;
  // A new delta is for a view to make.
  sys::Result<delta::Store> store = delta::open_to_read(request);
  if (store.ok()) store = delta::open_to_write(request);
  if (!store.ok()) return store.status();
  return OpenDelta{std::move(*base), std::move(*store)};
}

sys::Status check_no_journal(const OpenDelta &open) {
  if (!delta::has_journal(open.store.meta.get())) return {};
  return sys::Status::failure(EBUSY, "cannot use this delta: " + delta::unsettled().message());
}

std::function<void(size_t, size_t)> progress_of(std::string what) {
  if (isatty(STDERR_FILENO) != 1) return {};
  using Clock = std::chrono::steady_clock;
  constexpr auto kPause = std::chrono::milliseconds(200);
  auto next = std::make_shared<Clock::time_point>(Clock::now() + kPause);
  auto shown = std::make_shared<bool>(false);
  return [=](size_t done, size_t all) {
    Clock::time_point now = Clock::now();
    if (done == all && *shown) std::fputs("\033[K", stderr);
    if (done == all || now < *next) return;
    *next = now + kPause;
    *shown = true;
    std::string text = what + ": " + std::to_string(done) + (all > 0 ? " of " + std::to_string(all) : "");
    std::fprintf(stderr, "\r\033[K%s\r", text.c_str());
  };
}

}  // namespace agentfense::cli
