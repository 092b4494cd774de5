#include "journal/small_file.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/bytes.h"
#include "journal/directory.h"

namespace xdhcpd::journal {

Result<std::optional<std::string>, Error> load_small_file(FileLayer& files,
                                                          const std::string& directory,
                                                          const std::string& name,
                                                          std::size_t max_len) {
    const auto file = files.open(path_of(directory, name), OpenMode::kRead);
    if (!file) {
        if (file.error().errno_value == ENOENT) {
            return std::optional<std::string>{};
        }
        return Unexpected{file.error()};
    }
    const auto size = (*file)->size();
    if (!size) {
        return Unexpected{size.error()};
    }
    std::vector<std::byte> bytes(std::min<std::uint64_t>(*size, max_len));
    const auto len = (*file)->read(0, bytes);
    if (!len) {
        return Unexpected{len.error()};
    }
    return std::optional{std::string{as_text(ByteView{bytes}.first(*len))}};
}

Status replace_small_file(FileLayer& files, const std::string& directory, const std::string& name,
                          std::string_view content) {
    const std::string making = path_of(directory, name + ".new");
    const auto file = files.open(making, OpenMode::kCreate);
    if (!file) {
        return Unexpected{file.error()};
    }
    Status done = (*file)->write(0, as_bytes(content));
    if (done) {
        done = (*file)->sync();
    }
    if (done) {
        done = files.rename(making, path_of(directory, name));
    }
    return done ? files.sync_directory(directory) : done;
}

}  // namespace xdhcpd::journal
