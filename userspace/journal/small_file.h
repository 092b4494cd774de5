// Small files of a state directory that are read and replaced as a whole. Any thread, one at a time
// for a name. Errors name the file.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "journal/file_layer.h"

namespace xdhcpd::journal {

// The first `max_len` bytes of the file; nothing if there is none, or no such directory.
[[nodiscard]] Result<std::optional<std::string>, Error> load_small_file(
    FileLayer& files, const std::string& directory, const std::string& name, std::size_t max_len);

// Writes NAME.new, syncs it, renames it to NAME and syncs the directory: whatever happens meanwhile
// leaves the old file or the new one. Success: the new one is on stable storage.
[[nodiscard]] Status replace_small_file(FileLayer& files, const std::string& directory,
                                        const std::string& name, std::string_view content);

}  // namespace xdhcpd::journal
