// libfuse's low-level API, at the version that this folder is written against. Nothing else of the
// helper sees it.
#pragma once

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>
