// The keys of the server itself: log, control-socket, http, ports, durability. One load, one
// thread.
#pragma once

#include "config/interface_reader.h"
#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Each reads the value of one key into `configuration`, which keeps what it has where the value is
// reported.
void read_log(const Reader& reader, const Value& value, model::Configuration& configuration);
void read_control_socket(const Reader& reader, const Value& value,
                         model::Configuration& configuration);
void read_http(const Reader& reader, const Value& value, model::Configuration& configuration);
// `interfaces`, which have been read before: ports that are not the standard's need driver udp.
void read_ports(const Reader& reader, const Value& value, const PlacedInterfaces& interfaces,
                model::Configuration& configuration);
void read_workers(const Reader& reader, const Value& value, model::Configuration& configuration);
void read_durability(const Reader& reader, const Value& value, model::Configuration& configuration);
// After the durability: without one, nothing is kept in the directory.
void read_state_directory(const Reader& reader, const Value& value,
                          model::Configuration& configuration);

}  // namespace xdhcpd::config
