// The root of the configuration: hands each key to its reader. One load, one thread.
#pragma once

#include "config/reader.h"
#include "config/yaml_tree.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// What is wrong is reported, and then the result is of no use.
[[nodiscard]] model::Configuration read_configuration(
    Reporter& reporter, const Node& root, Completeness completeness = Completeness::kExpected);

}  // namespace xdhcpd::config
