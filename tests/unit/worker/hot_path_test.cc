// A packet on its way through the worker allocates nothing, takes no lock and enters no kernel.
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

#include "support/worker_lab.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define XD_COUNTS_ALLOCATIONS 1

namespace {
std::atomic<std::uint64_t> allocations{0};
}

// glibc's own names stand behind those that are replaced here, for the whole test program.
extern "C" {
void* __libc_malloc(std::size_t size);                 // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t n, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* old, std::size_t size);     // NOLINT(bugprone-reserved-identifier)

void* malloc(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}
void* calloc(std::size_t n, std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_calloc(n, size);
}
void* realloc(void* old, std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    return __libc_realloc(old, size);
}
}
#endif

namespace xdhcpd::worker {
namespace {

using testing::Bytes;
using testing::kEth1;
using testing::Message;

// A worker, and every kind of message that a network sends it: answered, refused and unreadable.
class HotPathTest : public ::testing::Test {
  protected:
    HotPathTest() {
        const auto add = [this](const Message& message) {
            frames_.push_back(testing::udp_frame({}, message.payload()));
        };
        add(Message{1, 1}.option(55, {1, 3, 6, 15}));
        add(Message{3, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1"));
        add(Message{3, 1}.ciaddr("192.0.2.10").option(12, {'n', 'a', 'm', 'e'}));
        add(Message{1, 2}.option(55, {6, 28, 43}).option(61, {0, 1, 2, 3, 4}));
        add(Message{1, 3}.giaddr("192.0.2.200").option(82, {1, 2, 5, 6}));
        add(Message{3, 4}.option_address(50, "203.0.113.9"));
        add(Message{4, 1}.option_address(50, "192.0.2.10").option_address(54, "192.0.2.1"));
        add(Message{7, 2}.ciaddr("192.0.2.11").option_address(54, "192.0.2.1"));
        add(Message{8, 5}.ciaddr("192.0.2.50"));
        frames_.push_back(Bytes(60, std::byte{0}));
        frames_.push_back(testing::udp_frame({}, Bytes(240, std::byte{1})));
    }
    // Some thousand messages; false if a frame found no room.
    bool run() {
        for (int round = 0; round < 500; ++round) {
            for (const Bytes& frame : frames_) {
                if (!port_.inject(frame, kEth1)) {
                    return false;
                }
            }
            worker_->step();
            port_.drain_sent([](ByteView, const TxInfo&) {});
        }
        return true;
    }

    static constexpr model::RateLimit kGenerous{1000, 1, model::RateLimit::kMaxBurst};
    testing::WorkerLab lab_{{.limits = {kGenerous, kGenerous, kGenerous}}};
    MemoryPort& port_{*lab_.port};
    Worker* worker_{lab_.worker.get()};
    std::vector<Bytes> frames_;
};

TEST_F(HotPathTest, AllocatesNothing) {
#ifdef XD_COUNTS_ALLOCATIONS
    ASSERT_TRUE(run());  // first use of whatever grows once
    const std::uint64_t before = allocations.load();
    ASSERT_TRUE(run());
    EXPECT_EQ(allocations.load() - before, 0u);
    EXPECT_GT(worker_->counters().answered.value(), 1000u);
    EXPECT_GT(worker_->counters().received.value(), 10000u);
    // The count would see one.
    const std::unique_ptr<int> one{new int{1}};
    EXPECT_GT(allocations.load() - before, 0u);
#else
    GTEST_SKIP() << "sanitizers have their own malloc";
#endif
}

// In strict mode any system call but read, write and exit kills: a futex, a clock without vDSO, a
// brk.
TEST_F(HotPathTest, EntersNoKernel) {
#ifdef XD_COUNTS_ALLOCATIONS
    ASSERT_TRUE(run());
    const auto run_in_child = [this](bool with_system_call) {
        const pid_t child = fork();
        if (child == 0) {
            if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
                _exit(errno == EINVAL ? 77 : 1);  // no seccomp in this kernel
            }
            const bool good = run();
            if (with_system_call) {
                static_cast<void>(getppid());
            }
            syscall(SYS_exit, good ? 0 : 2);
        }
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return status;
    };
    const int status = run_in_child(false);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        GTEST_SKIP() << "this kernel has no seccomp";
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
    EXPECT_TRUE(WIFSIGNALED(run_in_child(true))) << "the trap does not work";
#else
    GTEST_SKIP() << "sanitizers make system calls of their own";
#endif
}

}  // namespace
}  // namespace xdhcpd::worker
