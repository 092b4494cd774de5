#include "control/control_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Peer {
  public:
    explicit Peer(const std::string& path) : fd_{socket(AF_UNIX, SOCK_STREAM, 0)} {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        const timeval patience{10, 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { close(fd_); }

    [[nodiscard]] bool connected() const { return connected_; }
    // False once the server has closed.
    bool transmit(std::string_view text) const {
        while (!text.empty()) {
            const ssize_t len = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (len <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(len));
        }
        return true;
    }
    void finish() const { shutdown(fd_, SHUT_WR); }
    // The next line; empty at the end.
    [[nodiscard]] std::string line() {
        for (;;) {
            const std::size_t end = received_.find('\n');
            if (end != std::string::npos) {
                std::string result = received_.substr(0, end);
                received_.erase(0, end + 1);
                return result;
            }
            char buffer[65536];
            const ssize_t len = recv(fd_, buffer, sizeof buffer, 0);
            if (len <= 0) {
                return {};
            }
            received_.append(buffer, static_cast<std::size_t>(len));
        }
    }
    [[nodiscard]] json ask(const json& request) {
        EXPECT_TRUE(transmit(request.dump() + "\n"));
        return json::parse(line(), nullptr, false);
    }

  private:
    int fd_;
    bool connected_ = false;
    std::string received_;
};

// A server thread that answers {"n":N} with {"ok":true,"n":N} and {"len":L} with that many bytes.
class ControlSocketTest : public ::testing::Test {
  protected:
    ControlSocketTest() {
        std::string name = "/tmp/xdhcpd-test-XXXXXX";
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
        path_ = directory_ / "run" / "control.sock";
    }
    ~ControlSocketTest() override {
        stop();
        std::filesystem::remove_all(directory_);
    }
    void start() {
        auto opened = ControlSocket::open(path_);
        ASSERT_TRUE(opened) << opened.error().message;
        socket_ = std::move(*opened);
        thread_ = std::thread{[this] {
            while (!stop_) {
                std::vector<pollfd> fds;
                socket_->append_poll_fds(fds);
                poll(fds.data(), fds.size(), 10);
                socket_->handle(
                    fds, [this](const json& request) { return answer(request); },
                    [this](std::uint64_t stream, FileHandle connection, std::string_view unsent) {
                        stream_ = stream;
                        const std::string bytes = std::string{unsent} + "and so on";
                        EXPECT_EQ(send(connection.get(), bytes.data(), bytes.size(), 0),
                                  static_cast<ssize_t>(bytes.size()));
                    });
                clients_ = socket_->client_count();
            }
        }};
    }
    void stop() {
        stop_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
        socket_.reset();
    }
    [[nodiscard]] json answer(const json& request) {
        ++requests_;
        if (!request.is_object()) {
            return {{"ok", false}, {"error", "no object"}};
        }
        if (request.contains("throw")) {
            throw std::runtime_error{"thrown"};
        }
        json result = {{"ok", true}, {"n", request.value("n", 0)}};
        if (request.contains("len")) {
            result["text"] = std::string(request["len"].get<std::size_t>(), 'x');
        }
        if (request.contains("stream")) {
            result["stream"] = request["stream"];
            result["ok"] = request.value("ok", true);
        }
        if (request.contains("bad")) {
            result["text"] = "\xff";
        }
        return result;
    }
    void wait_for_clients(std::size_t count) {
        for (int i = 0; i < 1000 && clients_ != count; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
        }
        EXPECT_EQ(clients_, count);
    }

    std::filesystem::path directory_;
    std::filesystem::path path_;
    std::unique_ptr<ControlSocket> socket_;
    std::thread thread_;
    std::atomic<bool> stop_{false};
    std::atomic<std::size_t> clients_{0};
    std::atomic<int> requests_{0};
    std::atomic<std::uint64_t> stream_{0};
};

TEST_F(ControlSocketTest, MakesDirectoryAndSocketWithTheirModes) {
    start();
    struct stat status {};
    ASSERT_EQ(stat(path_.c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0660u);
    ASSERT_EQ(stat(path_.parent_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0755u);
    stop();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, AnswersRequestsInOrder) {
    start();
    Peer peer{path_};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(peer.ask({{"n", i}})["n"], i);
    }
    std::string many;
    for (int i = 0; i < 500; ++i) {
        many += json{{"n", i}}.dump() + "\n\n";  // empty lines are nothing
    }
    EXPECT_TRUE(peer.transmit(many));
    for (int i = 0; i < 500; ++i) {
        EXPECT_EQ(json::parse(peer.line())["n"], i);
    }
}

TEST_F(ControlSocketTest, TakesLinesInPieces) {
    start();
    Peer peer{path_};
    for (const char* const piece : {"{\"n\"", ":4", "2}", "\n{\"n\":", "43}\n"}) {
        EXPECT_TRUE(peer.transmit(piece));
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    EXPECT_EQ(json::parse(peer.line())["n"], 42);
    EXPECT_EQ(json::parse(peer.line())["n"], 43);
}

TEST_F(ControlSocketTest, RefusesWhatIsNoJsonAndGoesOn) {
    start();
    Peer peer{path_};
    for (const std::string& text :
         {std::string{"not json"}, std::string{"\xff\xfe"}, std::string(5000, '{'),
          std::string(5000, '['), std::string{"{\"n\":1"}, std::string{"\0", 1},
          std::string{"{} {}"}}) {
        EXPECT_TRUE(peer.transmit(text + "\n"));
        const json answer = json::parse(peer.line());
        EXPECT_EQ(answer["ok"], false);
        EXPECT_EQ(answer["error"], "not a JSON object");
    }
    EXPECT_TRUE(peer.transmit("{\"throw\":1}\n"));
    EXPECT_EQ(json::parse(peer.line())["error"], "thrown");
    EXPECT_EQ(peer.ask({{"n", 7}})["n"], 7);
}

TEST_F(ControlSocketTest, HandsAConnectionOverThatBecomesAStream) {
    start();
    Peer peer{path_};
    EXPECT_TRUE(peer.transmit("{\"n\":1}\n{\"stream\":42}\n{\"n\":3}\n"));
    EXPECT_EQ(json::parse(peer.line())["n"], 1);
    EXPECT_EQ(json::parse(peer.line())["stream"], 42);
    EXPECT_EQ(peer.line(), "");  // "and so on" without newline, then the end; {"n":3} is not ours
    EXPECT_EQ(stream_, 42u);
    wait_for_clients(0);
    EXPECT_EQ(requests_, 2);

    Peer refused{path_};
    EXPECT_EQ(refused.ask({{"stream", 7}, {"ok", false}})["ok"], false);
    EXPECT_EQ(refused.ask({{"n", 5}})["n"], 5);
    EXPECT_EQ(stream_, 42u);
}

TEST_F(ControlSocketTest, AnswersAreAlwaysUtf8) {
    start();
    Peer peer{path_};
    EXPECT_EQ(peer.ask({{"bad", 1}})["text"], "\xef\xbf\xbd");
}

TEST_F(ControlSocketTest, ClosesAfterALineThatIsTooLong) {
    start();
    Peer peer{path_};
    static_cast<void>(peer.transmit(std::string(ControlSocket::kMaxLineLen + 200000, 'x')));
    const json answer = json::parse(peer.line(), nullptr, false);
    EXPECT_EQ(answer["error"], "the request is too long");
    EXPECT_EQ(peer.line(), "");
    EXPECT_EQ(Peer{path_}.ask({{"n", 1}})["n"], 1);
}

TEST_F(ControlSocketTest, TakesALineOfTheGreatestLength) {
    start();
    Peer peer{path_};
    const std::string head = "{\"n\":5,\"pad\":\"";
    EXPECT_TRUE(peer.transmit(
        head + std::string(ControlSocket::kMaxLineLen - head.size() - 2, 'x') + "\"}\n"));
    EXPECT_EQ(json::parse(peer.line())["n"], 5);
}

TEST_F(ControlSocketTest, ServesOthersWhileOneDoesNotRead) {
    start();
    Peer slow{path_};
    constexpr int kCount = 20;
    for (int i = 0; i < kCount; ++i) {
        EXPECT_TRUE(slow.transmit(json{{"n", i}, {"len", 1000000}}.dump() + "\n"));
    }
    Peer other{path_};
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(other.ask({{"n", i}})["n"], i);
    }
    EXPECT_LT(requests_, 50 + 10);  // the answers of the slow one wait unmade
    for (int i = 0; i < kCount; ++i) {
        const json answer = json::parse(slow.line());
        EXPECT_EQ(answer["n"], i);
        EXPECT_EQ(answer["text"].get<std::string>().size(), 1000000u);
    }
}

TEST_F(ControlSocketTest, GivesBigAnswersInOnePiece) {
    start();
    Peer peer{path_};
    constexpr std::size_t kLen = std::size_t{20} << 20;
    EXPECT_EQ(peer.ask({{"len", kLen}})["text"].get<std::string>().size(), kLen);
}

TEST_F(ControlSocketTest, AnswersAClientThatHasShutDownItsHalf) {
    start();
    Peer peer{path_};
    EXPECT_TRUE(peer.transmit("{\"n\":1}\n{\"n\":2,\"len\":3000000}\n{\"n\":3}\n"));
    peer.finish();
    EXPECT_EQ(json::parse(peer.line())["n"], 1);
    EXPECT_EQ(json::parse(peer.line())["n"], 2);
    EXPECT_EQ(json::parse(peer.line())["n"], 3);
    EXPECT_EQ(peer.line(), "");
}

TEST_F(ControlSocketTest, ForgetsClientsThatLeave) {
    start();
    for (int i = 0; i < 30; ++i) {
        const Peer peer{path_};
        EXPECT_TRUE(peer.transmit(i % 3 == 0   ? "{\"n\":1,\"len\":3000000}\n"
                                  : i % 3 == 1 ? "{\"n\""
                                               : "{\"n\":1}\n"));
    }
    wait_for_clients(0);
    EXPECT_EQ(Peer{path_}.ask({{"n", 1}})["n"], 1);
}

TEST_F(ControlSocketTest, RefusesClientsAboveTheLimit) {
    start();
    std::vector<std::unique_ptr<Peer>> peers;
    for (std::size_t i = 0; i < ControlSocket::kMaxClients; ++i) {
        peers.push_back(std::make_unique<Peer>(path_));
        EXPECT_EQ(peers.back()->ask({{"n", 1}})["n"], 1);
    }
    Peer late{path_};
    EXPECT_EQ(json::parse(late.line(), nullptr, false)["error"], "too many clients");
    EXPECT_EQ(late.line(), "");
    peers.pop_back();
    wait_for_clients(ControlSocket::kMaxClients - 1);
    EXPECT_EQ(Peer{path_}.ask({{"n", 2}})["n"], 2);
}

TEST_F(ControlSocketTest, ReplacesASocketThatNobodyServes) {
    std::filesystem::create_directory(path_.parent_path());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);  // the file stays
    start();
    EXPECT_EQ(Peer{path_}.ask({{"n", 1}})["n"], 1);
}

TEST_F(ControlSocketTest, LeavesASocketAloneThatAnotherServerServes) {
    start();
    const auto second = ControlSocket::open(path_);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("another xdhcpd answers there"));
    EXPECT_EQ(Peer{path_}.ask({{"n", 1}})["n"], 1);
}

TEST_F(ControlSocketTest, LeavesOtherFilesAlone) {
    std::filesystem::create_directory(path_.parent_path());
    std::ofstream{path_} << "precious";
    EXPECT_FALSE(ControlSocket::open(path_));
    EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(ControlSocketTest, DoesNotRemoveTheSocketOfASuccessor) {
    start();
    std::filesystem::rename(path_, directory_ / "old");
    const auto successor = ControlSocket::open(path_);
    ASSERT_TRUE(successor) << successor.error().message;
    stop();
    EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketTest, SaysWhichPathIsWrong) {
    const std::string missing = directory_ / "a" / "b" / "control.sock";
    EXPECT_THAT(ControlSocket::open(missing).error().message, HasSubstr(directory_ / "a" / "b"));
    EXPECT_FALSE(ControlSocket::open(std::string(200, 'x')));
    EXPECT_FALSE(ControlSocket::open(""));
}

}  // namespace
}  // namespace xdhcpd::control
