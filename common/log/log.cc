#include "common/log/log.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <utility>

#include "common/log/repeat_limiter.h"

namespace synod {
namespace {

// Only the one thread of the pool writes, so the sink needs no lock.
class FunctionSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  FunctionSink(Log::Sink write, LogFormat format) : write_(std::move(write)) {
    constexpr const char* kText = "%Y-%m-%dT%H:%M:%S.%fZ %v";
    constexpr const char* kJson = "{\"ts\":\"%Y-%m-%dT%H:%M:%S.%fZ\",%v}";
    set_formatter_(std::make_unique<spdlog::pattern_formatter>(
        format == LogFormat::kJson ? kJson : kText, spdlog::pattern_time_type::utc, "\n"));
  }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_(absl::string_view(line.data(), line.size()));
  }
  void flush_() override {}

  const Log::Sink write_;
};

void WriteToStderr(absl::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

class Log::Writer {
 public:
  Writer(LogOptions options, const Clock* clock, Sink sink)
      : options_(options),
        clock_(clock),
        limiter_(options.repeat_lines, options.repeat_interval),
        pool_(std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1)),
        logger_(std::make_shared<spdlog::async_logger>(
            "", std::make_shared<FunctionSink>(std::move(sink), options.format), pool_,
            spdlog::async_overflow_policy::overrun_oldest)) {}

  std::optional<LogLineText> Start(LogLevel level, absl::string_view event) {
    if (level < options_.level) return std::nullopt;
    const auto left_out = limiter_.Admit(event, clock_->Monotonic());
    if (!left_out) return std::nullopt;
    LogLineText line(options_.format, level, event);
    if (*left_out > 0) line.Field("left_out", std::to_string(*left_out));
    return line;
  }

  void Write(const std::string& line) { logger_->info(spdlog::string_view_t(line)); }

  uint64_t dropped() const { return pool_->overrun_counter(); }

 private:
  const LogOptions options_;
  const Clock* const clock_;
  RepeatLimiter limiter_;
  const std::shared_ptr<spdlog::details::thread_pool> pool_;
  const std::shared_ptr<spdlog::async_logger> logger_;
};

std::optional<LogLevel> ParseLogLevel(absl::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    if (name == LogLevelName(level)) return level;
  }
  return std::nullopt;
}

LogEntry::~LogEntry() {
  if (line_) log_->Write(line_->Take());
}

Log::Log(LogOptions options, const Clock* clock) : Log(options, clock, WriteToStderr) {}

Log::Log(LogOptions options, const Clock* clock, Sink sink)
    : writer_(std::make_unique<Writer>(options, clock, std::move(sink))) {}

Log::~Log() = default;

uint64_t Log::dropped_total() const {
  return writer_->dropped();
}

LogEntry Log::Entry(LogLevel level, absl::string_view event) {
  return LogEntry(this, writer_->Start(level, event));
}

void Log::Write(std::string line) {
  writer_->Write(line);
}

}  // namespace synod
