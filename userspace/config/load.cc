#include "config/load.h"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "config/configuration_reader.h"
#include "config/quick_start.h"
#include "config/yaml_tree.h"

namespace xdhcpd::config {
namespace {

LoadResult finish(Reporter& reporter, model::Configuration configuration) {
    LoadResult result;
    if (!reporter.failed()) {
        result.configuration = std::move(configuration);
    }
    result.diagnostics = reporter.take();
    return result;
}

LoadResult failure(std::string file, std::string message) {
    LoadResult result;
    result.diagnostics.push_back(
        {Diagnostic::Severity::kError, std::move(file), 0, 0, std::move(message)});
    return result;
}

LoadResult load_checked(std::string_view yaml, std::string_view file_name) {
    Reporter reporter{std::string{file_name}};
    const auto document = parse_yaml(yaml, reporter);
    if (document == nullptr) {
        return finish(reporter, {});
    }
    const Node* root = document->root();
    if (root == nullptr || root->kind == Node::Kind::kNull) {
        reporter.error(
            {},
            "the configuration is empty; interfaces and dhcp4 or dhcp6 with subnets were "
            "meant");
        return finish(reporter, {});
    }
    LoadResult result = finish(reporter, read_configuration(reporter, *root));
    for (std::size_t i = 0; root->kind == Node::Kind::kMap && i + 1 < root->children.size();
         i += 2) {
        const std::string& key = root->children[i]->text;
        const Node& value = *root->children[i + 1];
        result.places.emplace(key, value.place);
        for (std::size_t k = 0; value.kind == Node::Kind::kSequence && k < value.children.size();
             ++k) {
            result.places.emplace(key + "[" + std::to_string(k) + "]", value.children[k]->place);
        }
    }
    return result;
}

LoadResult load_quick_start(const QuickStart& options,
                            std::span<const Ipv4Prefix> interface_addresses) {
    Reporter reporter{"command line", quick_start_option_names()};
    model::Configuration configuration = read_quick_start(reporter, options, interface_addresses);
    return finish(reporter, std::move(configuration));
}

// Nothing above throws on purpose; a lack of memory is the exception that is left.
template <typename Load>
LoadResult guarded(std::string_view file_name, Load load) {
    try {
        return load();
    } catch (const std::exception& error) {
        return failure(std::string{file_name}, std::string{"cannot be loaded: "} + error.what());
    }
}

struct FileCloser {
    void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};

}  // namespace

LoadResult load_text(std::string_view yaml, std::string_view file_name) {
    return guarded(file_name, [&] { return load_checked(yaml, file_name); });
}

LoadResult load_file(const std::string& path) {
    return guarded(path, [&] {
        const std::unique_ptr<std::FILE, FileCloser> file{std::fopen(path.c_str(), "re")};
        if (file == nullptr) {
            return failure(path, system_error(errno, "cannot be opened").message);
        }
        // One byte more than is allowed, so that the limit is seen to be exceeded.
        constexpr std::size_t kChunkLen = std::size_t{1} << 16;
        std::string text;
        std::size_t len = 0;
        do {
            text.resize(len + kChunkLen);
            len += std::fread(text.data() + len, 1, kChunkLen, file.get());
        } while (len == text.size() && len <= kMaxTextLen);
        if (std::ferror(file.get()) != 0) {
            return failure(path, system_error(errno, "cannot be read").message);
        }
        text.resize(len);
        return load_checked(text, path);
    });
}

LoadResult from_quick_start(const QuickStart& options,
                            std::span<const Ipv4Prefix> interface_addresses) {
    return guarded("command line", [&] { return load_quick_start(options, interface_addresses); });
}

}  // namespace xdhcpd::config
