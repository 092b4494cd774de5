// interfaces: of the configuration. One load, one thread.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/reader.h"
#include "model/configuration.h"

namespace xdhcpd::config {

// Where an interface stands, and what readers of other keys want to know of it.
struct PlacedInterface {
    Place place;  // of its name
    model::Driver driver = model::Driver::kAuto;
};
using PlacedInterfaces = std::unordered_map<std::string, PlacedInterface>;  // by name

class InterfaceReader {
  public:
    explicit InterfaceReader(const Reader& reader) : reader_{reader} {}

    // The list of interfaces; what is wrong is reported, an interface without a good name is left
    // out.
    void read(const Value& list);

    [[nodiscard]] const PlacedInterfaces& placed() const noexcept { return placed_; }
    // In the order of the list; to be asked once.
    [[nodiscard]] std::vector<model::InterfaceConfiguration> take() noexcept {
        return std::move(interfaces_);
    }

  private:
    void read_interface(const Value& value);
    void read_queues(const Value& value, model::InterfaceConfiguration& interface);
    void warn_of_driver(const MapReader& map, const model::InterfaceConfiguration& interface);

    const Reader& reader_;
    PlacedInterfaces placed_;
    std::vector<model::InterfaceConfiguration> interfaces_;
};

}  // namespace xdhcpd::config
