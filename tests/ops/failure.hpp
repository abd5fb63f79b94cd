#pragma once

#include "tests/message.hpp"
