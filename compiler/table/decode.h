// decode(): declared in table.h, since only it makes a Table; this header is the pair of encode.h.
#pragma once

#include "compiler/table/table.h"
