#include "tools/xdhcpctl/lease_export.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "lease_files/format.h"
#include "lease_files/json.h"
#include "lease_files/text.h"
#include "tools/xdhcpctl/pages.h"

namespace xdhcpd::xdhcpctl {
namespace {

using lease_files::Format;

constexpr std::uint64_t kFamily4 = 4;
constexpr std::uint64_t kFamily6 = 6;

using nlohmann::json;

// Where the leases go: standard output, or a new file that takes the place of the old one at the
// end.
class Output {
  public:
    explicit Output(std::string path) : path_{std::move(path)} {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output() {
        if (file_ != nullptr && file_ != stdout) {
            static_cast<void>(std::fclose(file_));
            if (!temporary_.empty()) {
                static_cast<void>(unlink(temporary_.c_str()));
            }
        }
    }

    [[nodiscard]] std::optional<Error> open() {
        if (path_.empty() || path_ == "-") {
            path_ = "standard output";
            file_ = stdout;
            return std::nullopt;
        }
        // The file behind a symbolic link is replaced, not the link.
        struct stat status {};
        if (lstat(path_.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
            const std::unique_ptr<char, decltype(&std::free)> target{
                realpath(path_.c_str(), nullptr), &std::free};
            if (target == nullptr) {
                return failed("follow the link");
            }
            path_ = target.get();
        }
        const bool is_special = stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
        temporary_ = is_special ? "" : path_ + ".new";
        file_ = std::fopen((is_special ? path_ : temporary_).c_str(), "wbe");
        return file_ == nullptr ? failed("open") : std::nullopt;
    }
    [[nodiscard]] std::optional<Error> write(std::string_view text) {
        return std::fwrite(text.data(), 1, text.size(), file_) == text.size() ? std::nullopt
                                                                              : failed("write");
    }
    [[nodiscard]] std::optional<Error> close() {
        if (std::fflush(file_) != 0) {
            return failed("write");
        }
        if (temporary_.empty()) {
            return std::nullopt;
        }
        if (fsync(fileno(file_)) != 0) {
            return failed("write");
        }
        if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
            return failed("rename " + temporary_ + " to");
        }
        temporary_.clear();
        return std::nullopt;
    }

  private:
    [[nodiscard]] std::optional<Error> failed(const std::string& what) const {
        return system_error(errno, what + " " + path_);
    }

    std::string path_;
    std::string temporary_;  // empty: written directly
    std::FILE* file_ = nullptr;
};

[[nodiscard]] int fail(const std::string& text) {
    std::cerr << "xdhcpctl: " << text << '\n';
    return 1;
}

// The answer, if the server said yes.
[[nodiscard]] Result<json, std::string> ask(Client& client, const json& request) {
    auto answer = client.ask(request);
    if (!answer) {
        return Unexpected{answer.error().message};
    }
    const auto ok = answer->find("ok");
    if (ok == answer->end() || !ok->is_boolean() || !ok->get<bool>()) {
        return Unexpected{answer->value("error", std::string{"the server refused"})};
    }
    return std::move(*answer);
}

// The one text of a prefix of either family.
[[nodiscard]] std::optional<std::string> canonical(const std::string& text) {
    if (const auto prefix = parse_ipv4_prefix(text)) {
        return to_string(*prefix);
    }
    const auto prefix = parse_ipv6_prefix(text);
    return prefix ? std::optional{to_string(*prefix)} : std::nullopt;
}

[[nodiscard]] std::string subnet_of(const lease_files::Entry& entry) {
    if (entry.dhcp6) {
        return entry.dhcp6->subnet ? to_string(*entry.dhcp6->subnet) : "";
    }
    return entry.subnet ? to_string(*entry.subnet) : "";
}

[[nodiscard]] Result<std::vector<std::string>, std::string> ask_subnets(Client& client) {
    const auto answer = ask(client, {{"command", "subnets"}});
    if (!answer) {
        return Unexpected{answer.error()};
    }
    std::vector<std::string> subnets;
    const auto list = answer->find("subnets");
    if (list != answer->end() && list->is_array()) {
        for (const json& subnet : *list) {
            if (const auto prefix = canonical(subnet.value("subnet", ""))) {
                subnets.push_back(*prefix);
            }
        }
    }
    return subnets;
}

}  // namespace

Result<std::map<std::string, std::uint32_t>, std::string> kea_subnet_ids(
    const std::vector<std::string>& subnets, const std::vector<std::string>& given) {
    constexpr std::uint64_t kMaxId = 0xfffffffe;
    std::map<std::string, std::uint32_t> ids;
    for (const std::string& subnet : subnets) {
        ids.emplace(subnet, static_cast<std::uint32_t>(ids.size() + 1));
    }
    for (const std::string& text : given) {
        const std::size_t equals = text.find('=');
        const auto prefix = canonical(text.substr(0, equals));
        const auto id = equals == std::string::npos
                            ? std::nullopt
                            : lease_files::parse_number(text.substr(equals + 1), kMaxId);
        if (!prefix || !id || *id == 0) {
            return Unexpected{"--kea-subnet-id wants PREFIX=ID such as 192.0.2.0/24=7, not " +
                              lease_files::quote(text)};
        }
        const auto found = ids.find(*prefix);
        if (found == ids.end()) {
            return Unexpected{"--kea-subnet-id: there is no subnet " + *prefix};
        }
        found->second = static_cast<std::uint32_t>(*id);
    }
    return ids;
}

int run_lease_export(Client& client, const LeaseExportArguments& arguments) {
    const auto format = lease_files::parse_format(arguments.format);
    std::map<std::string, std::uint32_t> kea_ids;
    if (format == Format::kKea) {
        const auto subnets = ask_subnets(client);
        if (!subnets) {
            return fail(subnets.error());
        }
        auto ids = kea_subnet_ids(*subnets, arguments.kea_subnet_ids);
        if (!ids) {
            return fail(ids.error());
        }
        kea_ids = std::move(*ids);
    }
    lease_files::WriterOptions options;
    options.now = std::chrono::duration_cast<std::chrono::seconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
    // A subnet that the configuration has no more, but its leases, gets the next number.
    options.kea_subnet_id = [&kea_ids](const lease_files::Entry& entry) {
        const auto next = static_cast<std::uint32_t>(kea_ids.size() + 1);
        return kea_ids.emplace(subnet_of(entry), next).first->second;
    };
    const bool has_one_family = format == Format::kKea || format == Format::kIsc;
    const std::uint64_t family =
        has_one_family && arguments.family == 0 ? kFamily4 : arguments.family;
    options.is_dhcp6 = family == kFamily6;
    const auto writer = lease_files::make_writer(*format, options);

    json request = {{"command", "leases"}, {"action", "export"}};
    if (!arguments.subnet.empty()) {
        request["subnet"] = arguments.subnet;
    }
    if (family != 0) {
        request["family"] = family;
    }
    Output output{arguments.file};
    std::uint64_t written = 0;
    std::uint64_t left_out = 0;
    std::string text;
    writer->begin(text);
    bool is_open = false;
    for (bool more = true; more;) {
        const auto page = ask(client, request);
        if (!page) {
            return fail(page.error());
        }
        const auto list = page->find("leases");
        if (list == page->end() || !list->is_array()) {
            return fail("the server's answer has no leases");
        }
        for (const json& object : *list) {
            const auto entry = lease_files::from_json(object);
            const bool has_words = entry && writer->write(*entry, text);
            ++(has_words ? written : left_out);
        }
        // Not before the server has said yes once: a mistake leaves no file.
        auto error = is_open ? std::nullopt : output.open();
        is_open = true;
        if (!error) {
            error = output.write(text);
        }
        if (error) {
            return fail(error->message);
        }
        text.clear();
        more = page->contains("next");
        if (more) {
            request["after"] = (*page)["next"];
        }
    }
    if (const auto error = output.close()) {
        return fail(error->message);
    }
    if (left_out != 0 || (!arguments.file.empty() && arguments.file != "-")) {
        std::cerr << written << " leases exported";
        if (left_out != 0) {
            std::cerr << ", " << left_out << " left out: the format " << arguments.format
                      << " has no words for them";
        }
        std::cerr << '\n';
    }
    return 0;
}

}  // namespace xdhcpd::xdhcpctl
