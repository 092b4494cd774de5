// A disk that forgets what no completed sync has covered: LD_PRELOAD it under the server, kill the
// server, and take the directory that a power cut would have left.
//
//   XD_DISK=/dir of the server    XD_MIRROR=/where the durable state is kept
//   XD_SYNC_LIES=1                syncs return success and do nothing: a test of the test
//
// Of each file in XD_DISK, fsync and fdatasync carry what was written to it into
// XD_MIRROR/inodes/INODE; fsync of the directory carries its names into XD_MIRROR/names, whole.
// Nothing else is durable: neither written data, nor a file created or renamed before its
// directory was synced. XD_MIRROR must be a directory outside XD_DISK. tests/support/disk.py makes
// a directory of it again.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace {

template <typename Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

struct Range {
    off_t start;
    off_t end;
};

// An inode and when it was made, since numbers are used again.
std::string identity_of(int directory, const char* path, int flags) {
    struct statx info {};
    if (statx(directory, path, flags, STATX_INO | STATX_BTIME, &info) != 0) {
        return "gone";
    }
    return std::to_string(info.stx_ino) + "-" + std::to_string(info.stx_btime.tv_sec) + "." +
           std::to_string(info.stx_btime.tv_nsec);
}

// What was written and not synced, by identity_of() the file.
struct State {
    std::mutex mutex;
    std::map<std::string, std::vector<Range>> dirty;
    std::string disk = std::getenv("XD_DISK") != nullptr ? std::getenv("XD_DISK") : "";
    std::string mirror = std::getenv("XD_MIRROR") != nullptr ? std::getenv("XD_MIRROR") : "";
    bool lies = std::getenv("XD_SYNC_LIES") != nullptr;
};
State& state() {
    static State* const instance = new State;  // outlives every thread
    return *instance;
}

// Whether the descriptor is of a file in the directory (or of the directory itself).
bool is_on_disk(int fd, struct stat& info, bool& is_directory) {
    struct stat disk {};
    if (state().disk.empty() || fstat(fd, &info) != 0 || stat(state().disk.c_str(), &disk) != 0) {
        return false;
    }
    is_directory = S_ISDIR(info.st_mode);
    if (is_directory) {
        return info.st_ino == disk.st_ino && info.st_dev == disk.st_dev;
    }
    char path[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t len = readlink(link.c_str(), path, sizeof path - 1);
    return S_ISREG(info.st_mode) && len > 0 &&
           std::string{path, static_cast<std::size_t>(len)}.starts_with(state().disk + "/");
}

void note_write(int fd, off_t start, ssize_t len) {
    struct stat info {};
    bool is_directory = false;
    if (len > 0 && is_on_disk(fd, info, is_directory)) {
        const std::lock_guard lock{state().mutex};
        state().dirty[identity_of(fd, "", AT_EMPTY_PATH)].push_back({start, start + len});
    }
}

void carry_file(int fd, const std::string& identity, const std::vector<Range>& ranges) {
    struct stat info {};
    if (fstat(fd, &info) != 0) {
        std::abort();
    }
    const std::string to = state().mirror + "/inodes/" + identity;
    const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (out < 0) {
        std::perror("unsynced_loss: mirror");
        std::abort();
    }
    const std::string from = "/proc/self/fd/" + std::to_string(fd);
    const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC);
    std::vector<char> buffer(1 << 16);
    for (const Range& range : ranges) {
        for (off_t at = range.start; at < range.end;) {
            const auto want = static_cast<std::size_t>(
                std::min<off_t>(range.end - at, static_cast<off_t>(buffer.size())));
            const ssize_t got = pread(in, buffer.data(), want, at);
            if (got <= 0) {
                break;  // truncated since
            }
            if (real<ssize_t(int, const void*, size_t, off_t)>("pwrite64")(
                    out, buffer.data(), static_cast<std::size_t>(got), at) != got) {
                std::abort();
            }
            at += got;
        }
    }
    if (ftruncate(out, info.st_size) != 0) {
        std::abort();
    }
    close(in);
    close(out);
}

void carry_names() {
    const std::string to = state().mirror + "/names";
    std::FILE* const out = std::fopen((to + ".new").c_str(), "we");
    DIR* const directory = opendir(state().disk.c_str());
    while (const dirent* const entry = readdir(directory)) {
        if (entry->d_type == DT_REG) {
            std::fprintf(out, "%s %s\n", identity_of(dirfd(directory), entry->d_name, 0).c_str(),
                         entry->d_name);
        }
    }
    closedir(directory);
    std::fclose(out);
    if (std::rename((to + ".new").c_str(), to.c_str()) != 0) {
        std::abort();
    }
}

// Only what was written before the sync began is promised by it. The lock is held while it is
// carried, so that a kill finds a mirror that is whole but for this one file, of which a sync that
// has not returned promises nothing.
int sync_with(int fd, const char* name) {
    if (state().lies) {
        return 0;
    }
    struct stat info {};
    bool is_directory = false;
    if (!is_on_disk(fd, info, is_directory)) {
        return real<int(int)>(name)(fd);
    }
    const std::string identity = identity_of(fd, "", AT_EMPTY_PATH);
    std::vector<Range> ranges;
    {
        const std::lock_guard lock{state().mutex};
        ranges = std::exchange(state().dirty[identity], {});
    }
    const int result = real<int(int)>(name)(fd);
    const std::lock_guard lock{state().mutex};
    if (result == 0 && is_directory) {
        carry_names();
    } else if (result == 0) {
        carry_file(fd, identity, ranges);
    }
    return result;
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t len) {
    const off_t at = lseek(fd, 0, SEEK_CUR);
    const ssize_t done = real<ssize_t(int, const void*, size_t)>("write")(fd, data, len);
    if (at >= 0) {
        note_write(fd, at, done);
    }
    return done;
}
ssize_t pwrite(int fd, const void* data, size_t len, off_t at) {
    const ssize_t done =
        real<ssize_t(int, const void*, size_t, off_t)>("pwrite64")(fd, data, len, at);
    note_write(fd, at, done);
    return done;
}
ssize_t pwrite64(int fd, const void* data, size_t len, off_t at) {
    return pwrite(fd, data, len, at);
}
ssize_t pwritev(int fd, const iovec* parts, int count, off_t at) {
    const ssize_t done =
        real<ssize_t(int, const iovec*, int, off_t)>("pwritev64")(fd, parts, count, at);
    note_write(fd, at, done);
    return done;
}
ssize_t pwritev64(int fd, const iovec* parts, int count, off_t at) {
    return pwritev(fd, parts, count, at);
}
int fsync(int fd) {
    return sync_with(fd, "fsync");
}
int fdatasync(int fd) {
    return sync_with(fd, "fdatasync");
}

}  // extern "C"
