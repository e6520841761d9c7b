#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>

#include "base/text.h"
#include "runtime/probe_attempt.h"

namespace minik::runtime {
namespace {

constexpr std::size_t kOutputMax = 10 * 1024;

class ExecAttempt final : public ProbeAttempt {
 public:
  ExecAttempt(EventLoop& loop, const Paths& paths, const ExecWish& wish, Millis timeout, Done done)
      : loop_(loop), done_(std::move(done)), command_(join(wish.command, " ")), timeout_(timeout) {
    auto started = ExecProcess::start(paths, wish);
    if (!started.ok()) {
      error_ = started.error().message();
      timer_ = loop_.after(Millis(0), [this] { finish(false, error_); });
      return;
    }
    process_ = *std::move(started);
    timer_ = loop_.after(timeout, [this] { timed_out(); });
    const auto watched = loop_.add(process_->pidfd(), EPOLLIN, [this](std::uint32_t) { ended(); });
    if (!watched.ok()) error_ = watched.error().message();
  }
  ~ExecAttempt() override { stop(); }

 private:
  void stop() {
    loop_.cancel(timer_);
    if (process_ != nullptr) loop_.remove(process_->pidfd());
    process_.reset();
  }

  void finish(bool good, const std::string& text) {
    stop();
    const Done done = std::move(done_);
    done({good, text});
  }

  void timed_out() {
    finish(false,
           fmt::format("command timed out: \"{}\" timed out after {}s", command_, timeout_.count() / 1000));
  }

  void ended() {
    std::array<char, kOutputMax> output;
    const ssize_t got = ::read(process_->output.get(), output.data(), output.size());
    const std::string text(output.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    const auto code = process_->wait();
    if (!code.ok()) return finish(false, code.error().message());
    finish(*code == 0, text);
  }

  EventLoop& loop_;
  Done done_;
  std::string command_, error_;
  Millis timeout_;
  std::shared_ptr<ExecProcess> process_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace

std::unique_ptr<ProbeAttempt> probe_exec(EventLoop& loop, const Paths& paths, const ExecWish& wish,
                                         Millis timeout, ProbeAttempt::Done done) {
  return std::make_unique<ExecAttempt>(loop, paths, wish, timeout, std::move(done));
}

}  // namespace minik::runtime
